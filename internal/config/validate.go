package config

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"shipper/internal/deliver"
)

// reservedHeaders are set by the protocols themselves.
var reservedHeaders = []string{"content-type", "content-encoding", "content-length", "transfer-encoding", "connection", "host", "idempotency-key"}

// validate notes everything in c that cannot work.
func (c *Config) validate(b *binder) {
	if c.DataDir == "" {
		b.missing("data_dir", "the directory for the queue and the positions, such as ./data")
	} else if info, err := os.Stat(c.DataDir); err == nil && !info.IsDir() {
		b.fail("data_dir", "%s is not a directory", c.DataDir)
	}
	if c.Listen != Off {
		checkListen(b, "listen", c.Listen)
	}
	checkZone(b, "zone", c.Zone)
	oneOf(b, "log.level", c.Log.Level, "debug", "info", "warn", "error")
	oneOf(b, "log.format", c.Log.Format, "text", "json")
	c.Queue.validate(b)

	if len(c.Inputs) == 0 {
		b.missing("inputs", "a list with at least one input")
	}
	inputs := make(map[string]int)
	for i := range c.Inputs {
		path := fmt.Sprintf("inputs[%d]", i)
		checkName(b, path, c.Inputs[i].Name, inputs, i)
		c.Inputs[i].validate(b, path)
	}
	c.onlyOneStdin(b)
	c.apartFromData(b)
	c.readOnce(b)

	if len(c.Outputs) == 0 {
		b.missing("outputs", "a list with at least one output")
	}
	outputs := make(map[string]int)
	for i := range c.Outputs {
		path := fmt.Sprintf("outputs[%d]", i)
		checkName(b, path, c.Outputs[i].Name, outputs, i)
		c.Outputs[i].validate(b, path)
	}
	heirs := make(map[string]int)
	for i, o := range c.Outputs {
		if o.Formerly == "" {
			continue
		}
		at := fmt.Sprintf("outputs[%d].formerly", i)
		if other, ok := outputs[o.Formerly]; ok {
			b.fail(at, "%q is the name of outputs[%d]; an output can only take the place of one that is gone", o.Formerly, other)
		}
		if other, ok := heirs[o.Formerly]; ok {
			b.fail(at, "outputs[%d] takes the place of %q already", other, o.Formerly)
		}
		heirs[o.Formerly] = i
	}
	if len(c.Outputs) > 0 && !slices.ContainsFunc(c.Outputs, func(o Output) bool { return o.Default }) {
		b.fail("outputs", "has no default one, so that records without a rule go nowhere; remove default: false from one of them")
	}
	c.validateRules(b)
	c.validateTests(b)
}

func (q *Queue) validate(b *binder) {
	const least = 16 << 20
	if q.MaxBytes < least && !b.faulty("queue.max_bytes") {
		b.fail("queue.max_bytes", "%s is too small; it must be at least %s", q.MaxBytes, Bytes(least))
	}
	oneOf(b, "queue.full", q.Full, "block", "drop-oldest", "drop-newest", "shed")
}

func (in *Input) validate(b *binder, path string) {
	switch {
	case in.File != nil && in.Stdin != nil:
		b.fail(path, "has both file and stdin; make it two inputs")
	case in.File != nil:
		in.File.validate(b, path+".file")
	case in.Stdin != nil:
		checkLineLimit(b, path+".stdin.line_limit", in.Stdin.LineLimit)
	case !b.faulty(path) && !b.meant[path+".file"] && !b.meant[path+".stdin"]:
		b.fail(path, "has no source; add file or stdin")
	}
	checkZone(b, path+".zone", in.Zone)
	for name, value := range in.Labels {
		at := path + ".labels." + name
		if !isLabelName(name) {
			b.fail(at, `%q is not a label name; use letters, digits, "_" and ".", not a digit first`, name)
		}
		if value == "" {
			b.fail(at, "is empty; give it a value or remove it")
		}
	}
}

func checkZone(b *binder, path, name string) {
	if _, err := time.LoadLocation(name); err != nil {
		b.fail(path, `%q is not a time zone; write Local, UTC or an IANA name such as Europe/Berlin`, name)
	}
}

func (f *File) validate(b *binder, path string) {
	if len(f.Paths) == 0 && !b.faulty(path+".paths") {
		b.missing(path+".paths", `a list of globs such as ["./logs/*.log"]`)
	}
	for i, p := range f.Paths {
		checkGlob(b, fmt.Sprintf("%s.paths[%d]", path, i), p)
	}
	for i, p := range f.Exclude {
		checkGlob(b, fmt.Sprintf("%s.exclude[%d]", path, i), p)
	}
	oneOf(b, path+".start_at", f.StartAt, "beginning", "end")
	checkLineLimit(b, path+".line_limit", f.LineLimit)
	between(b, path+".poll", f.Poll, Duration(10*time.Millisecond), Duration(time.Minute))
}

func (o *Output) validate(b *binder, path string) {
	o.oneProtocol(b, path)
	if name, url, headers := o.receiver(); name != "" {
		checkURL(b, path+"."+name+".url", url, o.HTTP == nil)
		checkHeaders(b, path+"."+name+".headers", headers)
	}
	if o.HTTP != nil {
		oneOf(b, path+".http.form", o.HTTP.Form, "lines", "array")
		oneOf(b, path+".http.compression", o.HTTP.Compression, "zstd", "gzip", "none")
	}
	if e := o.Elasticsearch; e != nil {
		oneOf(b, path+".elasticsearch.compression", e.Compression, "gzip", "none")
		if e.Index == "" {
			b.missing(path+".elasticsearch.index", "the index or data stream to write to, such as logs-shipper-default")
		} else if e.Index != strings.ToLower(e.Index) || strings.ContainsAny(e.Index, `\/*?"<>| ,#:`) || strings.HasPrefix(e.Index, "_") {
			b.fail(path+".elasticsearch.index", "%q cannot be the name of an index: it must be in lower case, without blanks and any of \\/*?\"<>|,#:, not beginning with _", e.Index)
		}
	}
	if l := o.Loki; l != nil {
		oneOf(b, path+".loki.line", l.Line, "body", "original", "record")
		oneOf(b, path+".loki.form", l.Form, "protobuf", "json")
		for i, name := range l.Labels {
			if at := fmt.Sprintf("%s.loki.labels[%d]", path, i); !isLabelName(name) {
				b.fail(at, `%q is not the name of an attribute; use letters, digits, "_" and ".", not a digit first`, name)
			}
		}
		if len(l.Labels) == 0 && !b.faulty(path+".loki.labels") {
			b.fail(path+".loki.labels", "is empty; a stream of Loki has at least one label, such as service.name")
		}
		b.notEmpty(path+".loki.tenant", l.Tenant)
		if strings.ContainsFunc(l.Tenant, isControl) {
			b.fail(path+".loki.tenant", "holds a control character")
		}
	}
	if p := o.OTLP; p != nil {
		oneOf(b, path+".otlp.form", p.Form, "protobuf", "json", "grpc")
		oneOf(b, path+".otlp.compression", p.Compression, "gzip", "zstd", "none")
	}
	o.Auth.validate(b, path+".auth", o.Headers())
	o.TLS.validate(b, path+".tls", o.URL())
	if o.Proxy != "env" && o.Proxy != Off {
		checkProxy(b, path+".proxy", o.Proxy)
	}
	between(b, path+".max_request_bytes", o.MaxRequestBytes, 64<<10, 64<<20)
	between(b, path+".timeout", o.Timeout, Duration(time.Second), Duration(time.Hour))
	between(b, path+".backoff.min", o.Backoff.Min, Duration(time.Millisecond), Duration(time.Hour))
	between(b, path+".backoff.max", o.Backoff.Max, Duration(time.Millisecond), Duration(24*time.Hour))
	if o.Backoff.Max < o.Backoff.Min {
		b.fail(path+".backoff.max", "%s is less than min, %s", o.Backoff.Max, o.Backoff.Min)
	}
}

// oneProtocol wants exactly one protocol.
func (o *Output) oneProtocol(b *binder, path string) {
	var set []string
	all := o.protocols()
	for _, p := range all {
		if p.set {
			set = append(set, p.name)
		}
	}
	switch {
	case len(set) > 1:
		b.fail(path, "has both %s and %s; make it two outputs", set[0], set[1])
	case len(set) == 0 && !b.faulty(path) && !slices.ContainsFunc(all, func(p choice) bool { return b.meant[path+"."+p.name] }):
		names := make([]string, len(all))
		for i, p := range all {
			names[i] = p.name
		}
		b.fail(path, "has no protocol; add one of %s", strings.Join(names, ", "))
	}
}

// choice is one of the things that an input or output can be.
type choice struct {
	name    string
	set     bool
	url     string
	headers map[string]string
}

func (o *Output) protocols() []choice {
	all := []choice{{name: "native"}, {name: "http"}, {name: "elasticsearch"}, {name: "loki"}, {name: "otlp"}}
	if p := o.Native; p != nil {
		all[0] = choice{"native", true, p.URL, p.Headers}
	}
	if p := o.HTTP; p != nil {
		all[1] = choice{"http", true, p.URL, p.Headers}
	}
	if p := o.Elasticsearch; p != nil {
		all[2] = choice{"elasticsearch", true, p.URL, p.Headers}
	}
	if p := o.Loki; p != nil {
		all[3] = choice{"loki", true, p.URL, p.Headers}
	}
	if p := o.OTLP; p != nil {
		all[4] = choice{"otlp", true, p.URL, p.Headers}
	}
	return all
}

// receiver returns the output's protocol, its URL and headers.
func (o *Output) receiver() (name, url string, headers map[string]string) {
	for _, p := range o.protocols() {
		if p.set {
			return p.name, p.url, p.headers
		}
	}
	return "", "", nil
}

// URL returns where the output sends to, as configured.
func (o *Output) URL() string {
	_, url, _ := o.receiver()
	return url
}

// Headers returns the headers that the output adds to its requests.
func (o *Output) Headers() map[string]string {
	_, _, headers := o.receiver()
	return headers
}

func (a *Auth) validate(b *binder, path string, headers map[string]string) {
	b.notEmpty(path+".bearer", a.Bearer)
	if *a == (Auth{}) {
		return
	}
	switch {
	case a.Bearer != "" && (a.User != "" || a.Password != ""):
		b.fail(path, "has both bearer and user; keep one")
	case a.Bearer == "" && a.User == "":
		b.missing(path+".user", "the name that belongs to the password")
	case strings.Contains(a.User, ":"):
		b.fail(path+".user", `must not hold a ":"`)
	}
	for name, value := range map[string]string{"bearer": a.Bearer, "user": a.User, "password": a.Password} {
		if strings.ContainsFunc(value, isControl) {
			b.fail(path+"."+name, "holds a control character, such as a line break")
		}
	}
	for name := range headers {
		if strings.EqualFold(name, "Authorization") {
			b.fail(path, "the header Authorization is set, too; keep one of the two")
		}
	}
}

func (t *TLS) validate(b *binder, path, url string) {
	if *t == (TLS{}) {
		return
	}
	if !strings.HasPrefix(url, "https:") && url != "" {
		b.fail(path, "is for https only; write the url as https://...")
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		b.fail(path, "cert_file and key_file belong together; give both or none")
	}
	for name, file := range map[string]string{"ca_file": t.CAFile, "cert_file": t.CertFile, "key_file": t.KeyFile} {
		if file == "" {
			continue
		}
		if _, err := os.Stat(file); err != nil {
			b.fail(path+"."+name, "%s", err)
		}
	}
	if t.Insecure && t.CAFile != "" {
		b.fail(path+".insecure", "takes any certificate, ca_file included; remove one of the two")
	}
	t.read(b, path)
}

// read notes files that do not hold what they should.
func (t *TLS) read(b *binder, path string) {
	if at := path + ".ca_file"; t.CAFile != "" && !t.Insecure && !b.faulty(at) {
		if _, err := (deliver.TLS{CAFile: t.CAFile}).Config(); err != nil {
			b.fail(at, "%s", err)
		}
	}
	if at := path + ".cert_file"; t.CertFile != "" && t.KeyFile != "" && !b.faulty(at) && !b.faulty(path+".key_file") {
		if _, err := (deliver.TLS{CertFile: t.CertFile, KeyFile: t.KeyFile}).Config(); err != nil {
			b.fail(at, "%s", err)
		}
	}
}

func checkProxy(b *binder, path, text string) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" {
		b.fail(path, "is no proxy; write it like http://proxy.example:3128, or env, or off")
	}
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// onlyOneStdin refuses a second reader of standard input.
func (c *Config) onlyOneStdin(b *binder) {
	first := -1
	for i, in := range c.Inputs {
		switch {
		case in.Stdin == nil:
		case first < 0:
			first = i
		default:
			b.fail(fmt.Sprintf("inputs[%d].stdin", i), "inputs[%d] reads standard input already; remove one", first)
		}
	}
}

func checkName(b *binder, path, name string, seen map[string]int, i int) {
	at := path + ".name"
	if name == "" {
		if !b.faulty(at) && !b.faulty(path) {
			b.missing(at, "a short name such as app")
		}
		return
	}
	if len(name) > 64 || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" {
		b.fail(at, `%q is not a name; use up to 64 letters, digits, ".", "_" and "-"`, name)
		return
	}
	if first, ok := seen[name]; ok {
		b.fail(at, "%q is the name of %s[%d] already; names must differ", name, parent(path), first)
		return
	}
	seen[name] = i
}

func checkGlob(b *binder, path, text string) {
	if text == "" {
		if !b.faulty(path) {
			b.fail(path, "is empty; write a path or a glob")
		}
		return
	}
	for _, part := range split(text) {
		if part != "**" && strings.Contains(part, "**") {
			b.fail(path, `%q: "**" must be a whole path element, as in logs/**/*.log`, text)
			return
		}
		if _, err := filepath.Match(part, ""); err != nil {
			b.fail(path, `%q is not a glob; a "[" needs its "]", write \[ for a literal bracket`, text)
			return
		}
	}
	if strings.HasSuffix(text, "/") {
		b.fail(path, `%q is a directory; add what to read in it, such as %s*.log`, text, text)
	}
}

func checkListen(b *binder, path, addr string) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		b.fail(path, "%q is not an address; write host:port such as 127.0.0.1:3101, or off", addr)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		b.fail(path, "%q: the port must be a number from 0 to 65535", addr)
	}
}

// checkURL wants a URL to send to; a server's gets a path behind it.
func checkURL(b *binder, path, text string, server bool) {
	if text == "" {
		if !b.faulty(path) {
			b.missing(path, "where to send to, such as http://127.0.0.1:3100")
		}
		return
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		b.fail(path, "is not a URL; write it like http://127.0.0.1:3100")
		return
	}
	if u.User != nil {
		b.fail(path, "holds a user or password, which would show in logs; put them into auth")
	}
	if _, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && err != nil {
		b.fail(path, "the port must be a number from 0 to 65535")
	}
	switch {
	case u.Fragment != "":
		b.fail(path, "must not have a fragment, which is never sent; write %%23 for a literal #")
	case server && (u.RawQuery != "" || u.ForceQuery):
		b.fail(path, "must end with the path: the protocol's own comes behind it")
	}
}

func checkHeaders(b *binder, path string, headers map[string]string) {
	seen := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		at, value := path+"."+name, headers[name]
		canonical := http.CanonicalHeaderKey(name)
		if other, ok := seen[canonical]; ok {
			b.fail(at, "is the same header as %s; keep one", other)
		}
		seen[canonical] = name
		switch {
		case strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~") != "" || name == "":
			b.fail(at, "%q is not a header name", name)
		case slices.Contains(reservedHeaders, strings.ToLower(name)):
			b.fail(at, "is set by the protocol itself; remove it")
		case strings.ContainsFunc(value, isControl):
			b.fail(at, "its value holds a control character, such as a line break")
		}
	}
}

func checkLineLimit(b *binder, path string, limit Bytes) { between(b, path, limit, 1<<10, 64<<20) }

func oneOf(b *binder, path, value string, allowed ...string) {
	if slices.Contains(allowed, value) || b.faulty(path) {
		return
	}
	if near := nearest(value, allowed); near != "" {
		b.fail(path, "%q is unknown; did you mean %q?", value, near)
		return
	}
	b.fail(path, "%q is unknown; write one of %s", value, strings.Join(allowed, ", "))
}

// between wants least <= v <= most.
func between[T interface {
	~int64
	String() string
}](b *binder, path string, v, least, most T) {
	if (v < least || v > most) && !b.faulty(path) {
		b.fail(path, "%s is out of range; it must be from %s to %s", v.String(), least.String(), most.String())
	}
}

func isLabelName(name string) bool {
	for i, c := range []byte(name) {
		letter := c == '_' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
		if !letter && (i == 0 || c != '.' && (c < '0' || '9' < c)) {
			return false
		}
	}
	return name != "" && len(name) <= 128
}
