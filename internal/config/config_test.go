package config

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"shipper/internal/pipeline"
)

// faults are the messages for each bad file, without its name.
var faults = map[string][]string{
	"alias.bad.yaml": {
		`1:18: not valid YAML: unknown anchor 'nowhere' referenced`,
	},
	"aliases.bad.yaml": {
		`3:108: inputs[16].file.exclude[12]: more than 10000 values from here on; look for aliases (*name) that multiply`,
	},
	"at.bad.yaml": {
		`2:9: a value cannot begin with this character; put it in quotes`,
	},
	"braces.bad.yaml": {
		`7:14: a mapping in {...} is not closed; add "}" or ",", or quote a value that has braces`,
	},
	"bracket.bad.yaml": {
		`4:20: a list in [...] is not closed; add "]" or ","`,
	},
	"choice.bad.yaml": {
		`3:5: inputs[0]: has no source; add file or stdin`,
		`4:5: inputs[1]: has both file and stdin; make it two inputs`,
		`8:5: inputs[2].stdin: inputs[1] reads standard input already; remove one`,
		`10:5: inputs[3].stdin: inputs[1] reads standard input already; remove one`,
		`12:10: inputs[4].file.paths: is missing; it is a list of globs such as ["./logs/*.log"]`,
		`14:5: outputs[0]: has no protocol; add one of native, http, elasticsearch, loki, otlp`,
		`15:5: outputs[1]: has both native and http; make it two outputs`,
	},
	"colon.bad.yaml": {
		`1:17: a ":" where none can be; quote the value or check the indentation`,
	},
	"comment.bad.yaml": {
		`1:1: the file is empty; it needs data_dir, inputs and outputs`,
	},
	"duplicate_key.bad.yaml": {
		`2:1: data_dir: is there twice, first in line 1; remove one`,
		`6:5: inputs[0].name: is there twice, first in line 4; remove one`,
	},
	"empty.bad.yaml": {
		`1:1: the file is empty; it needs data_dir, inputs and outputs`,
	},
	"env.bad.yaml": {
		`1:11: data_dir: environment variable HOME_OF_SHIPPER is not set`,
		`4:17: inputs[0].labels.a: "${" without "}"; write $${ for a literal ${`,
		`4:32: inputs[0].labels.b: ${1x} is not the name of an environment variable; write $${ for a literal ${`,
		`11:24: outputs[0].native.headers.Authorization: environment variable NO_SUCH_TOKEN is not set`,
	},
	"globs.bad.yaml": {
		`4:20: inputs[0].file.paths[0]: "./logs/[a.log" is not a glob; a "[" needs its "]", write \[ for a literal bracket`,
		`4:37: inputs[0].file.paths[1]: "./logs/**.log": "**" must be a whole path element, as in logs/**/*.log`,
		`4:54: inputs[0].file.paths[2]: "./logs/" is a directory; add what to read in it, such as ./logs/*.log`,
		`4:63: inputs[0].file.paths[3]: is empty; write a path or a glob`,
		`4:78: inputs[0].file.exclude[0]: "[" is not a glob; a "[" needs its "]", write \[ for a literal bracket`,
		`6:20: inputs[1].file.paths[0]: "./logs/**/*.log" reaches into data_dir, ./logs/.shipper; put data_dir elsewhere or exclude "logs/.shipper/**"`,
		`10:20: inputs[3].file.paths[0]: "./logs/.shipper/x/*.log" reaches into data_dir, ./logs/.shipper; put data_dir elsewhere or exclude "logs/.shipper/**"`,
		`14:20: inputs[5].file.paths[0]: "other/a.log" is read by inputs[4] already; remove it, or add it to the exclude list of inputs[4]`,
		`14:35: inputs[5].file.paths[1]: "./other/*.log" is read by inputs[4] already; remove it, or add it to the exclude list of inputs[4]`,
	},
	"indent.bad.yaml": {
		`4:4: no list item here; check the indentation, each item begins with "- "`,
	},
	"latin1.bad.yaml": {
		`2:6: not UTF-8; save the file as UTF-8`,
	},
	"list.bad.yaml": {
		`1:1: is a list; it must be a mapping with the keys data_dir, listen, zone, log, inputs, queue, outputs, rules, redact, tests`,
	},
	"merge.bad.yaml": {
		`6:5: inputs[1]: merge keys (<<) are not supported; write the keys out`,
	},
	"missing.bad.yaml": {
		`1:1: data_dir: is missing; it is the directory for the queue and the positions, such as ./data`,
		`1:1: inputs: is missing; it is a list with at least one input`,
		`1:1: outputs: is missing; it is a list with at least one output`,
		`1:7: zone: "Utc" is not a time zone; write Local, UTC or an IANA name such as Europe/Berlin`,
	},
	"misspelt_choice.bad.yaml": {
		`4:5: inputs[0].flie: unknown key; did you mean "file"?`,
		`7:5: outputs[0].natve: unknown key; did you mean "native"?`,
	},
	"names.bad.yaml": {
		`5:11: inputs[1].name: "app" is the name of inputs[0] already; names must differ`,
		`7:5: inputs[2].name: is missing; it is a short name such as app`,
		`8:11: inputs[3].name: "a/b" is not a name; use up to 64 letters, digits, ".", "_" and "-"`,
		`13:11: outputs[1].name: "index" is the name of outputs[0] already; names must differ`,
	},
	"no_colon.bad.yaml": {
		`2:1: a key without ":"`,
	},
	"quote.bad.yaml": {
		`1:11: a quote is not closed`,
	},
	"quote2.bad.yaml": {
		`4:9: a quote is not closed`,
	},
	"rules.bad.yaml": {
		`4:1: outputs: has no default one, so that records without a rule go nowhere; remove default: false from one of them`,
		`7:22: rules[0].match: parse error at line 1, col 8: syntax error: unexpected "debug", expecting a string`,
		`8:5: rules[1].name: is missing; it is a short name such as app`,
		`8:13: rules[1].match: parse error at line 1, col 6: not supported: the stage json; attributes can be filtered without it`,
		`8:26: rules[1].to: there is no output "loki"; there are archive`,
		`9:12: rules[2].name: "a" is the name of rules[0] already; names must differ`,
		`9:15: rules[2].to: there is no output "loki"; there are archive`,
		`10:15: rules[3].to: a rule that drops sends nothing anywhere`,
		`11:30: rules[4].sample.keep: 2 is no part to keep; it must be from a billionth to 1, such as 0.1`,
		`11:40: rules[4].sample.floor: "high" is unknown; write one of none, trace, debug, info, warn, error, fatal`,
		`12:30: rules[5].sample.keep: "half" is not a number`,
		`13:15: rules[6].sample.keep: 0 is no part to keep; it must be from a billionth to 1, such as 0.1`,
		`14:34: rules[7].rate_limit.rate: -1 is no rate; it must be above 0 records a second`,
		`15:15: rules[8].rate_limit: the burst must not be negative`,
		`16:27: rules[9].rename.x: must get another name`,
		`17:34: rules[10].redact[0].detect[0]: there is no detector "mail"; there are card, iban, ssn, email, ipv4, ipv6, jwt, bearer, url_password, password, aws_key, gcp_key, github_key, slack_key, pem`,
		`17:53: rules[10].continue: "maybe" is neither true nor false`,
		`18:33: rules[11].redact[0].action: "hide" is unknown; write one of mask, drop, token`,
		`19:15: rules[12].mach: unknown key; did you mean "match"?`,
		`20:25: rules[13].priority: has an effect with queue.full: shed only`,
		`21:25: rules[14].priority: "urgent" is unknown; write one of low, normal, high`,
		"23:31: redact[0].regexps[0]: error parsing regexp: missing closing ]: `[`",
		`24:5: redact[1]: has a key, which only the action token uses`,
		`25:55: redact[2].key: must have at least 16 bytes`,
	},
	"tab.bad.yaml": {
		`3:1: a tab; YAML is indented with spaces`,
	},
	"tab2.bad.yaml": {
		`5:1: a tab; YAML is indented with spaces`,
	},
	"two_documents.bad.yaml": {
		`2:1: a second document; one file holds one, remove the "---" before it`,
	},
	"secrets.bad.yaml": {
		`6:5: outputs[0].auth: the header Authorization is set, too; keep one of the two`,
		`6:20: outputs[0].auth.bearer: open none/token: no such file or directory`,
		`7:5: outputs[0].tls: is for https only; write the url as https://...`,
		`7:5: outputs[0].tls: cert_file and key_file belong together; give both or none`,
		`7:51: outputs[0].tls.insecure: "yes" is neither true nor false`,
		`10:22: outputs[1].auth.password: ${credential:../x}: "../x" is not the name of a credential`,
		`11:20: outputs[1].tls.ca_file: stat none.pem: no such file or directory`,
		`12:12: outputs[1].proxy: is no proxy; write it like http://proxy.example:3128, or env, or off`,
		`15:5: outputs[2].auth.user: is missing; it is the name that belongs to the password`,
		`18:5: outputs[3].auth: has both bearer and user; keep one`,
		`18:5: outputs[3].auth: the header Authorization is set, too; keep one of the two`,
		`19:49: outputs[3].tls.insecure: takes any certificate, ca_file included; remove one of the two`,
		`21:15: outputs[4].formerly: "a" is the name of outputs[0]; an output can only take the place of one that is gone`,
		`23:18: outputs[4].auth.user: must not hold a ":"`,
		`23:35: outputs[4].auth.password: holds a control character, such as a line break`,
		`25:46: outputs[5].elasticsearch.index: "A*" cannot be the name of an index: it must be in lower case, without blanks and any of \/*?"<>|,#:, not beginning with _`,
		`25:65: outputs[5].elasticsearch.compression: "zstd" is unknown; write one of gzip, none`,
		`26:5: outputs[6]: has both http and elasticsearch; make it two outputs`,
		`27:5: outputs[6].elasticsearch.index: is missing; it is the index or data stream to write to, such as logs-shipper-default`,
		`28:35: outputs[6].http.form: "list" is unknown; write one of lines, array`,
		`30:29: outputs[7].loki.labels: is empty; a stream of Loki has at least one label, such as service.name`,
		`30:47: outputs[7].loki.line: "text" is unknown; write one of body, original, record`,
		`31:5: outputs[8]: has both loki and otlp; make it two outputs`,
		`32:38: outputs[8].loki.labels[0]: "a b" is not the name of an attribute; use letters, digits, "_" and ".", not a digit first`,
		`32:52: outputs[8].loki.form: "xml" is unknown; write one of protobuf, json`,
		`35:5: outputs[9].otlp.url: is missing; it is where to send to, such as http://127.0.0.1:3100`,
		`35:18: outputs[9].otlp.form: "thrift" is unknown; write one of protobuf, json, grpc`,
		`35:39: outputs[9].otlp.compression: "snappy" is unknown; write one of gzip, zstd, none`,
	},
	"edges.bad.yaml": {
		`5:17: outputs[0].loki.url: must end with the path: the protocol's own comes behind it`,
		`5:50: outputs[0].loki.tenant: is empty; give it a value or remove it`,
		`6:20: outputs[0].auth.bearer: is empty; give it a value or remove it`,
		`8:19: outputs[1].native.url: the port must be a number from 0 to 65535`,
		`9:20: outputs[1].tls.ca_file: read certificate authorities: minimal.good.yaml has no certificate in PEM form`,
		`9:50: outputs[1].tls.cert_file: read client certificate: tls: failed to find any PEM data in certificate input`,
		`12:17: outputs[2].http.url: must not have a fragment, which is never sent; write %23 for a literal #`,
		`12:66: outputs[2].http.headers.x-team: is the same header as X-Team; keep one`,
		`14:15: outputs[3].formerly: outputs[2] takes the place of "old" already`,
		`17:22: rules[0].match: parse error at line 1, col 8: syntax error: unexpected "debug", expecting a string`,
		`17:39: rules[0].to: there is no output "e"; there are a, b, c, d`,
		`17:63: rules[0].sample.keep: 1e-310 is no part to keep; it must be from a billionth to 1, such as 0.1`,
		`18:24: rules[1].remove[0]: is empty; give it a value or remove it`,
	},
	"units.bad.yaml": {
		`4:49: inputs[0].file.line_limit: "1 furlong" is not a size; write it like 64MiB`,
		`4:67: inputs[0].file.grace: "30" lacks a unit; write 30ms, 30s, 30m, 30h or 30d`,
		`4:77: inputs[0].file.poll: "-5s" is not a duration; write it like 500ms, 30s or 1h`,
		`8:14: outputs[0].timeout: 0s is out of range; it must be from 1s to 1h0m0s`,
		`9:24: outputs[0].max_request_bytes: "9999999TiB" is too large a size`,
		`10:20: queue.max_bytes: 1MiB is too small; it must be at least 16MiB`,
		`10:35: queue.max_age: "5x" is not a duration; write it like 500ms, 30s or 1h`,
	},
	"unknown_key.bad.yaml": {
		`4:37: inputs[0].file.start-at: unknown key; did you mean "start_at"?`,
		`5:5: inputs[0].lables: unknown key; did you mean "labels"?`,
		`9:7: outputs[0].native.ur: unknown key; did you mean "url"?`,
		`10:1: batch_size: unknown key; known here: data_dir, listen, zone, log, inputs, queue, outputs, rules, redact, tests`,
	},
	"utf16.bad.yaml": {
		`1:1: not UTF-8; save the file as UTF-8`,
	},
	"values.bad.yaml": {
		`1:11: data_dir: ./minimal.good.yaml is not a directory`,
		`2:9: listen: "3101" is not an address; write host:port such as 127.0.0.1:3101, or off`,
		`3:7: zone: "Middle/Earth" is not a time zone; write Local, UTC or an IANA name such as Europe/Berlin`,
		`4:14: log.level: "warning" is unknown; did you mean "warn"?`,
		`4:31: log.format: "xml" is unknown; write one of text, json`,
		`7:11: inputs[0].zone: "Berlin" is not a time zone; write Local, UTC or an IANA name such as Europe/Berlin`,
		`8:18: inputs[0].labels.1a: "1a" is not a label name; use letters, digits, "_" and ".", not a digit first`,
		`8:25: inputs[0].labels.ok: is empty; give it a value or remove it`,
		`8:34: inputs[0].labels.ü: "ü" is not a label name; use letters, digits, "_" and ".", not a digit first`,
		`8:40: inputs[0].labels.z: is empty; it must be a single value`,
		`9:47: inputs[0].file.start_at: "begin" is unknown; did you mean "beginning"?`,
		`12:19: outputs[0].native.url: is not a URL; write it like http://127.0.0.1:3100`,
		`14:19: outputs[1].native.url: holds a user or password, which would show in logs; put them into auth`,
		`16:17: outputs[2].http.url: is not a URL; write it like http://127.0.0.1:3100`,
		`16:47: outputs[2].http.compression: "zst" is unknown; did you mean "zstd"?`,
		`16:76: outputs[2].http.headers.Content-Type: is set by the protocol itself; remove it`,
		`16:86: outputs[2].http.headers.a b: "a b" is not a header name`,
		`16:92: outputs[2].http.headers.X: its value holds a control character, such as a line break`,
		`17:29: outputs[2].backoff.max: 1s is less than min, 1m0s`,
		`19:5: outputs[3].native.url: is missing; it is where to send to, such as http://127.0.0.1:3100`,
		`20:15: queue.full: "dropoldest" is unknown; did you mean "drop-oldest"?`,
	},
	"wrong_type.bad.yaml": {
		`1:11: data_dir: is a list; it must be a single value`,
		`4:19: inputs[0].file.paths: is a single value; it must be a list: write ["./logs/*.log"]`,
		`4:45: inputs[0].file.line_limit: is a mapping; it must be a single value`,
		`5:13: inputs[0].labels: is a list; it must be a mapping of names to values`,
		`6:5: inputs[1]: is a single value; it must be a mapping with the keys name, labels, zone, file, stdin`,
		`8:3: outputs: is a mapping; it must be a list: write each item on a line of its own after "- "`,
		`9:8: queue: is a single value; it must be a mapping with the keys max_bytes, max_age, full`,
	},
}

func environment(name string) (string, bool) {
	v, ok := map[string]string{"REGION": "eu: west", "TOKEN": "s3cret", "EMPTY": "", "CREDENTIALS_DIRECTORY": "."}[name]
	return v, ok
}

func TestBadFiles(t *testing.T) {
	t.Chdir("testdata")
	files, err := filepath.Glob("*.bad.yaml")
	if err != nil || len(files) != len(faults) {
		t.Fatalf("%d bad files, %d expected; %v", len(files), len(faults), err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := Parse(file, data, environment)
			if c != nil || err == nil {
				t.Fatal("accepted")
			}
			var got []string
			for line := range strings.Lines(err.Error()) {
				got = append(got, strings.TrimPrefix(strings.TrimSuffix(line, "\n"), file+":"))
			}
			if want := faults[file]; !reflect.DeepEqual(got, want) {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
			}
		})
	}
}

func TestGoodFiles(t *testing.T) {
	t.Chdir("testdata")
	files, err := filepath.Glob("*.good.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(file, data, environment); err != nil {
			t.Errorf("%v", err)
		}
	}
}

func TestExampleFileIsValid(t *testing.T) {
	if _, err := Load("../../config.example.yaml"); err != nil {
		t.Fatal(err)
	}
}

// TestMinimal pins the defaults.
func TestMinimal(t *testing.T) {
	c, err := Load("testdata/minimal.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		DataDir: "./data",
		Listen:  "127.0.0.1:3101",
		Zone:    "Local",
		Log:     Log{Level: "info", Format: "text"},
		Inputs: []Input{{Name: "app", Zone: "Local", File: &File{
			Paths:     []string{"./logs/*.log"},
			StartAt:   "beginning",
			LineLimit: 1 << 20,
			Grace:     Duration(30 * time.Second),
			Poll:      Duration(250 * time.Millisecond),
			HeldLimit: 10 << 30,
		}}},
		Queue: Queue{MaxBytes: 1 << 30, Full: "block"},
		Outputs: []Output{{
			Name:            "index",
			Native:          &Native{URL: "http://127.0.0.1:3100"},
			Default:         true,
			Proxy:           "env",
			MaxRequestBytes: 4 << 20,
			Timeout:         Duration(30 * time.Second),
			Backoff:         Backoff{Min: Duration(500 * time.Millisecond), Max: Duration(30 * time.Second)},
		}},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v\nwant %+v", c, want)
	}
}

func TestFull(t *testing.T) {
	data, err := os.ReadFile("testdata/full.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("full.good.yaml", data, environment)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		DataDir: "/var/lib/shipper",
		Listen:  Off,
		Zone:    "Europe/Berlin",
		Log:     Log{Level: "debug", Format: "json"},
		Inputs: []Input{
			{
				Name:   "app",
				Zone:   "Europe/Berlin",
				Labels: map[string]string{"service.name": "payments", "region": "eu: west", "tier": "1"},
				File: &File{
					Paths:     []string{"/var/log/app/*.log", "/srv/**/out.log"},
					Exclude:   []string{"/var/log/app/debug.log"},
					StartAt:   "end",
					LineLimit: 256 << 10,
					Grace:     Duration(2 * time.Minute),
					Poll:      Duration(100 * time.Millisecond),
				},
			},
			{Name: "pipe", Zone: "America/New_York", Stdin: &Stdin{LineLimit: 1 << 20}},
		},
		Queue: Queue{MaxBytes: 5 << 29, MaxAge: Duration(7 * 24 * time.Hour), Full: "drop-oldest"},
		Outputs: []Output{
			{
				Name:            "index",
				Native:          &Native{URL: "https://index.example:3100", Headers: map[string]string{"Authorization": "Bearer s3cret"}},
				Default:         true,
				Proxy:           "env",
				MaxRequestBytes: 8 << 20,
				Timeout:         Duration(time.Minute),
				Backoff:         Backoff{Min: Duration(100 * time.Millisecond), Max: Duration(time.Minute)},
			},
			{
				Name:            "store",
				HTTP:            &HTTP{URL: "http://store.example/insert", Form: "lines", Compression: "gzip"},
				Default:         true,
				Proxy:           "env",
				MaxRequestBytes: 4 << 20,
				Timeout:         Duration(30 * time.Second),
				Backoff:         Backoff{Min: Duration(500 * time.Millisecond), Max: Duration(30 * time.Second)},
			},
		},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v\nwant %+v", c, want)
	}
}

// TestRules pins what the pipeline is given.
func TestRules(t *testing.T) {
	data, err := os.ReadFile("testdata/rules.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("rules.good.yaml", data, environment)
	if err != nil {
		t.Fatal(err)
	}
	want := pipeline.Config{
		Outputs: []pipeline.Output{{Name: "archive", Default: true}, {Name: "loki"}},
		Rules: []pipeline.Rule{
			{Name: "debug", Match: `{level="debug"}`, Drop: true},
			{Name: "chatty", Match: `{service_name="chatty"}`, Continue: true,
				Sample: &pipeline.Sample{Keep: 0.1, Floor: 13}, Limit: &pipeline.Limit{Rate: 1000, Burst: 5000, Key: "service.name"}},
			{Name: "users", Sample: &pipeline.Sample{Keep: 0.5, Key: "user.id"}, To: []string{"*"},
				Set: []pipeline.Attribute{{Name: "a", Value: "1"}, {Name: "b", Value: "2"}}, Rename: []pipeline.Rename{{From: "x", To: "y"}},
				Remove: []string{"tmp.*"}, Redact: []pipeline.Redaction{{Attributes: []string{"user.name"}, Action: pipeline.Drop}}},
		},
		Redact: []pipeline.Redaction{
			{Detect: []string{"email", "card"}, Regexps: []string{`CUST-\d+`}, Action: pipeline.Token, Key: pipeline.Key{ID: "k1", Secret: []byte("0123456789abcdef")}},
			{Detect: []string{"*"}},
		},
	}
	if got := c.Pipeline(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestLoadNamesMissingFile(t *testing.T) {
	_, err := Load("testdata/none.yaml")
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "testdata/none.yaml") {
		t.Errorf("%v", err)
	}
}

func TestLargeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.yaml")
	if err := os.WriteFile(path, []byte(strings.Repeat("# data_dir\n", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path)
	if err == nil || !strings.HasSuffix(err.Error(), "large.yaml:1:1: the file is larger than 1 MiB; is this the configuration?") {
		t.Errorf("%v", err)
	}
}

func TestExpand(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got, err := expand(in, environment); got != want || err != nil {
			t.Errorf("%s: got %q, %v; want %q", in, got, err, want)
		}
	}
	f("plain $5", "plain $5")
	f("${TOKEN}", "s3cret")
	f("a${TOKEN}b${EMPTY}c", "as3cretbc")
	f("$${TOKEN}", "${TOKEN}")
	f("$$${TOKEN}", "$${TOKEN}")
	f("${TOKEN}$", "s3cret$")
}

func TestFollows(t *testing.T) {
	c := &Config{Inputs: []Input{
		{Name: "pipe", Stdin: &Stdin{}},
		{Name: "app", File: &File{Paths: []string{"/var/log/**/*.log"}, Exclude: []string{"/var/log/shipper/*", "debug.*"}}},
	}}
	f := func(path, want string) {
		t.Helper()
		if got, _ := c.Follows(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	f("/var/log/agent.log", "app")
	f("/var/log/a/b/agent.log", "app")
	f("/var/log/shipper/agent.log", "")
	f("/var/log/a/debug.log", "")
	f("/tmp/agent.log", "")
}

// TestOpenQuote finds a quote that is not closed, also in a long line of a long file.
func TestOpenQuote(t *testing.T) {
	f := func(text string, line, col int) {
		t.Helper()
		_, err := Parse("f.yaml", []byte(text), environment)
		var faults Errors
		if !errors.As(err, &faults) || faults[0].Line != line || faults[0].Col != col || faults[0].Text != "a quote is not closed" {
			t.Errorf("%.40q: %.200v, want a quote at %d:%d", text, err, line, col)
		}
	}
	f(`a: "b" "c`, 1, 8)
	f(`a: "b\"c\x41 \\\"`, 1, 4)
	f("a: 'it''s \"\\\"", 1, 4)
	f("é: 'é", 1, 4)
	f(strings.Repeat("- item\n", 5000)+`- "`+strings.Repeat("x", 4000), 5001, 3) // half a minute, if each byte is tried
}

// TestAliasesMultiply has names and misspelt keys that aliases make too many of.
func TestAliasesMultiply(t *testing.T) {
	for _, keys := range []string{"labels: {", "oops: {"} {
		var text strings.Builder
		text.WriteString("inputs:\n- &a {" + keys)
		if keys == "oops: {" {
			text.WriteString("}, ")
		}
		for i := range 5000 {
			fmt.Fprintf(&text, "k%d: v, ", i)
		}
		if keys != "oops: {" {
			text.WriteString("}")
		}
		text.WriteString("}\n" + strings.Repeat("- *a\n", 5000))
		_, err := Parse("f.yaml", []byte(text.String()), environment)
		var faults Errors
		if !errors.As(err, &faults) || len(faults) > maxNodes+1 || !strings.Contains(err.Error(), "aliases") {
			t.Errorf("%s: %d faults, %.200v", keys, len(faults), err)
		}
	}
}

// TestGlobMatch compares with what a glob means, element by element.
func TestGlobMatch(t *testing.T) {
	var means func(g, path glob) bool
	means = func(g, path glob) bool {
		switch {
		case len(g) == 0:
			return len(path) == 0
		case g[0] == "**":
			return means(g[1:], path) || len(path) > 0 && means(g, path[1:])
		}
		ok, _ := filepath.Match(g[0], strings.Join(path[:min(len(path), 1)], ""))
		return len(path) > 0 && path[0] != "**" && ok && means(g[1:], path[1:])
	}
	r := rand.New(rand.NewPCG(1, 1))
	some := func(elements ...string) (g glob) {
		for range r.IntN(7) {
			g = append(g, elements[r.IntN(len(elements))])
		}
		return g
	}
	for range 100_000 {
		g, path := some("**", "**", "*", "a", "b"), some("a", "b", "a", "**")
		if got, want := g.match(path), means(g, path); got != want {
			t.Fatalf("%q matches %q: %t, want %t", g, path, got, want)
		}
	}
	// Takes years if each "**" is tried with each other.
	if g := split(strings.Repeat("/**/*", 100)); append(g, "x").match(append(split(strings.Repeat("/**/a", 100)), "y")) {
		t.Error("x matches y")
	}
}

func TestUnits(t *testing.T) {
	size := func(in string, want Bytes) {
		t.Helper()
		if got, err := ParseBytes(in); got != want || err != nil {
			t.Errorf("%s: %d, %v; want %d", in, got, err, want)
		}
	}
	size("0", 0)
	size("17", 17)
	size("17B", 17)
	size("64MiB", 64<<20)
	size("64 mib", 64<<20)
	size("1.5KB", 1500)
	size("2TiB", 2<<40)
	span := func(in string, want time.Duration) {
		t.Helper()
		if got, err := ParseDuration(in); got != Duration(want) || err != nil {
			t.Errorf("%s: %s, %v; want %s", in, got, err, want)
		}
	}
	span("0", 0)
	span("500ms", 500*time.Millisecond)
	span("1h30m", 90*time.Minute)
	span("1.5d", 36*time.Hour)
	for _, bad := range []string{"", "B", "-1", "1e9", "0x10", "1..5", "1.MiB", "NaN", "Inf", "9000000TiB"} {
		if got, err := ParseBytes(bad); err == nil {
			t.Errorf("size %q: %d", bad, got)
		}
	}
	for _, bad := range []string{"", "d", "5", "-1s", "1e9d", "1y"} {
		if got, err := ParseDuration(bad); err == nil {
			t.Errorf("duration %q: %s", bad, got)
		}
	}
}

// FuzzParse: a fault always lies within the file, and what is accepted has
// everything that a component needs.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 4096 {
			f.Add(data)
		}
	}
	f.Add([]byte("inputs:\n  \"/logs/* !!str\"\n"))
	f.Add([]byte("data_dir: x\n\"!\\x21str\": 1\nlisten: \"config.${EMPTY}A\"\n"))
	f.Add([]byte("data_dir: x\ninputs: [{name: a, stdin: }]\noutputs: [{name: b, loki: {url: http://h}}]\n"))
	internals := regexp.MustCompile(`!!(null|bool|str|int|float|timestamp|seq|map|binary|merge)\b|config\.[A-Z]\w*`)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f.yaml", data, environment)
		var faults Errors
		if errors.As(err, &faults) {
			lines := 1
			for _, end := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} { // all are line breaks in YAML
				lines += strings.Count(string(data), end)
			}
			for _, e := range faults {
				if e.Line < 1 || e.Line > lines || e.Col < 1 || e.Col > len(data)+1 || e.Text == "" {
					t.Errorf("outside the file of %d lines: %v", lines, e)
				}
				// What the file has itself may be quoted, and an escape or a variable
				// may stand for a part of it.
				for _, m := range internals.FindAllString(e.Text, -1) {
					if !bytes.Contains(data, []byte(m)) && !bytes.ContainsRune(data, '\\') && !bytes.Contains(data, []byte("${")) {
						t.Errorf("a Go type or a YAML tag shows: %v", e)
					}
				}
			}
			return
		}
		if err != nil || c == nil {
			t.Fatalf("neither a configuration nor faults: %v", err)
		}
		if c.DataDir == "" || len(c.Inputs) == 0 || len(c.Outputs) == 0 {
			t.Fatalf("incomplete: %+v", c)
		}
		for _, in := range c.Inputs {
			if (in.File == nil) == (in.Stdin == nil) || in.Name == "" {
				t.Errorf("input %+v", in)
			}
		}
		for _, o := range c.Outputs {
			protocols := 0
			for _, p := range o.protocols() {
				if p.set {
					protocols++
				}
			}
			if protocols != 1 || o.Name == "" {
				t.Errorf("output %+v", o)
			}
		}
		if _, err := pipeline.New(c.Pipeline()); err != nil {
			t.Errorf("rules: %v", err)
		}
	})
}

func TestSecrets(t *testing.T) {
	t.Chdir("testdata")
	data, err := os.ReadFile("secrets.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("secrets.good.yaml", data, environment)
	if err != nil {
		t.Fatal(err)
	}
	if c.Outputs[0].Auth.Bearer != "s3cret" || c.Outputs[1].Auth.Password != "s3cret" {
		t.Errorf("got %+v", c.Outputs)
	}
	notes := strings.Join(c.Notes(), "\n")
	if !strings.Contains(notes, "output c: ") || strings.Contains(notes, "output a: ") || strings.Contains(notes, "output b: ") {
		t.Errorf("notes:\n%s", notes)
	}
	if strings.Contains(notes, "s3cret") {
		t.Error("a note has a secret in it")
	}
}
