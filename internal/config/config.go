// Package config holds the agent's configuration: one YAML file as one tree of
// Go structs. Load reads, checks and completes it; every fault of the file is
// found in one go and named by file, line and column together with its remedy.
//
// A choice, such as what kind of input an input is, is a struct of pointers of
// which exactly one is set. Sizes are written as 64MiB, durations as 500ms.
// ${NAME} in a value stands for an environment variable, ${file:PATH} for what a
// file holds and ${credential:NAME} for a systemd credential; they are replaced
// after parsing, so that what they hold can never add keys to the file.
package config

import (
	"log/slog"
	"time"
)

// Config is the whole file. After Load every member is valid and no default is
// left to fill in.
type Config struct {
	// DataDir is the agent's own directory: queue, positions, books. It is
	// created at the start. Relative paths here and in Inputs start from the
	// working directory.
	DataDir string `yaml:"data_dir"`

	// Listen is the address of /metrics, /healthz, /readyz and /books, or "off".
	Listen string `yaml:"listen"`

	// Zone is the time zone of lines that have a time but no zone: an IANA
	// name, "Local" or "UTC". Inputs can have another.
	Zone string `yaml:"zone"`

	Log     Log      `yaml:"log"`
	Inputs  []Input  `yaml:"inputs"`
	Queue   Queue    `yaml:"queue"`
	Outputs []Output `yaml:"outputs"`

	Rules  []Rule      `yaml:"rules"`
	Redact []Redaction `yaml:"redact"` // of every record, behind the rules

	Tests []Test `yaml:"tests"` // for "shipper test"; an agent does not look at them
}

// Log is the agent's own log, which goes to standard error.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // text or json
}

// Input is one configured source of records. Exactly one of File and Stdin is set.
type Input struct {
	Name   string            `yaml:"name"`   // unique; positions and books are kept under it
	Labels map[string]string `yaml:"labels"` // added to every stream of the input
	Zone   string            `yaml:"zone"`   // of its lines that have none; default: the Config's

	File  *File  `yaml:"file"`
	Stdin *Stdin `yaml:"stdin"`
}

// File follows the files that match any of Paths and none of Exclude.
type File struct {
	Paths   []string `yaml:"paths"`   // globs: * ? [a-z] within a name, ** for any number of directories
	Exclude []string `yaml:"exclude"` // globs of the same form; one without a slash is for names in any directory

	StartAt   string   `yaml:"start_at"`   // beginning or end: of files that are there at the very first start
	LineLimit Bytes    `yaml:"line_limit"` // longer lines are cut, flagged and counted
	Grace     Duration `yaml:"grace"`      // how long a rotated or deleted file is watched after its last growth
	Poll      Duration `yaml:"poll"`       // how often growing files are looked at
	HeldLimit Bytes    `yaml:"held_limit"` // disk space that deleted, unread files may hold; 0: no limit
}

// Stdin reads records from standard input until it ends.
type Stdin struct {
	LineLimit Bytes `yaml:"line_limit"`
}

// Queue is the disk queue between inputs and outputs.
type Queue struct {
	MaxBytes Bytes    `yaml:"max_bytes"` // size on disk at which it is full
	MaxAge   Duration `yaml:"max_age"`   // blocks older than this are dropped and counted; 0: no limit
	Full     string   `yaml:"full"`      // block, drop-oldest, drop-newest or shed
}

// Output is one destination of records. Exactly one of Native, HTTP,
// Elasticsearch, Loki and OTLP is set.
type Output struct {
	Name string `yaml:"name"` // unique; its place in the queue is kept under it

	// Formerly is the name under which the output was configured before: it
	// goes on from that name's place and takes what is queued for it.
	Formerly string `yaml:"formerly"`

	// Default outputs get the records that no rule sends anywhere.
	Default bool `yaml:"default"`

	Native        *Native        `yaml:"native"`
	HTTP          *HTTP          `yaml:"http"`
	Elasticsearch *Elasticsearch `yaml:"elasticsearch"`
	Loki          *Loki          `yaml:"loki"`
	OTLP          *OTLP          `yaml:"otlp"`

	Auth  Auth   `yaml:"auth"`
	TLS   TLS    `yaml:"tls"`
	Proxy string `yaml:"proxy"` // a URL, env (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) or off

	MaxRequestBytes Bytes    `yaml:"max_request_bytes"` // of one request's body before compression
	Timeout         Duration `yaml:"timeout"`           // of one request, from the first byte sent to the last byte of the answer
	Backoff         Backoff  `yaml:"backoff"`
}

// Auth is what an output shows to be let in: a bearer token (RFC 6750) or a
// user and a password (RFC 7617).
type Auth struct {
	Bearer   string `yaml:"bearer"`
	User     string `yaml:"user"`
	Password string `yaml:"password"`
}

// TLS names the files of an https output. They are read again when they change.
type TLS struct {
	CAFile     string `yaml:"ca_file"`     // PEM, the authorities to trust; default: the system's
	CertFile   string `yaml:"cert_file"`   // PEM, of the client
	KeyFile    string `yaml:"key_file"`    // PEM, of the client
	ServerName string `yaml:"server_name"` // that the receiver's certificate must be for; default: the URL's host
	Insecure   bool   `yaml:"insecure"`    // takes any certificate
}

// Native is the protocol of `shipper index`.
type Native struct {
	URL     string            `yaml:"url"`
	Headers map[string]string `yaml:"headers"`
}

// HTTP posts JSON.
type HTTP struct {
	URL         string            `yaml:"url"`
	Headers     map[string]string `yaml:"headers"`
	Form        string            `yaml:"form"`        // lines or array
	Compression string            `yaml:"compression"` // zstd, gzip or none
}

// Elasticsearch is the bulk API of Elasticsearch and OpenSearch.
type Elasticsearch struct {
	URL         string            `yaml:"url"`   // of the server
	Index       string            `yaml:"index"` // or data stream
	Headers     map[string]string `yaml:"headers"`
	Compression string            `yaml:"compression"` // gzip or none
}

// Loki is the push API of Grafana Loki, and of what else takes it.
type Loki struct {
	URL     string            `yaml:"url"`    // of the server
	Tenant  string            `yaml:"tenant"` // X-Scope-OrgID
	Headers map[string]string `yaml:"headers"`
	Labels  []string          `yaml:"labels"` // attributes that become labels of streams; all others are structured metadata
	Line    string            `yaml:"line"`   // body, original or record
	Form    string            `yaml:"form"`   // protobuf (with snappy) or json (with gzip)
}

// OTLP is the OpenTelemetry protocol.
type OTLP struct {
	URL         string            `yaml:"url"` // of the server
	Headers     map[string]string `yaml:"headers"`
	Form        string            `yaml:"form"`        // protobuf, json or grpc
	Compression string            `yaml:"compression"` // gzip, zstd or none
}

// Backoff bounds the waits between attempts, which grow exponentially with full jitter.
type Backoff struct {
	Min Duration `yaml:"min"`
	Max Duration `yaml:"max"`
}

// Off as Listen means that nothing listens.
const Off = "off"

// setDefaults of each struct runs before the file's values are set, so that a
// value written as 0 stays 0.

func (c *Config) setDefaults() {
	c.Listen = "127.0.0.1:3101"
	c.Zone = "Local"
	c.Log = Log{Level: "info", Format: "text"}
	c.Queue = Queue{MaxBytes: 1 << 30, Full: "block"}
}

func (f *File) setDefaults() {
	f.StartAt = "beginning"
	f.LineLimit = 1 << 20
	f.Grace = Duration(30 * time.Second)
	f.Poll = Duration(250 * time.Millisecond)
	f.HeldLimit = 10 << 30
}

func (s *Stdin) setDefaults() { s.LineLimit = 1 << 20 }

func (o *Output) setDefaults() {
	o.MaxRequestBytes = 4 << 20
	o.Timeout = Duration(30 * time.Second)
	o.Proxy = "env"
	o.Default = true
	o.Backoff = Backoff{Min: Duration(500 * time.Millisecond), Max: Duration(30 * time.Second)}
}

func (h *HTTP) setDefaults() { h.Form, h.Compression = "lines", "zstd" }

func (e *Elasticsearch) setDefaults() { e.Compression = "gzip" }

func (l *Loki) setDefaults() {
	l.Labels = []string{"service.name", "deployment.environment.name"}
	l.Line, l.Form = "body", "protobuf"
}

func (o *OTLP) setDefaults() { o.Form, o.Compression = "protobuf", "gzip" }

// Slog returns Level as slog knows it.
func (l Log) Slog() slog.Level {
	switch l.Level {
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}

// Location returns Zone as a time.Location.
func (in *Input) Location() *time.Location {
	loc, err := time.LoadLocation(in.Zone)
	if err != nil {
		return time.UTC // Load has checked it
	}
	return loc
}
