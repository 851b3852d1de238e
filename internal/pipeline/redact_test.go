package pipeline

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"shipper/internal/record"
)

const secretKey = "0123456789abcdef0123456789abcdef"

func redactorOf(t testing.TB, list ...Redaction) *Pipeline {
	t.Helper()
	p, err := New(Config{Outputs: outputs(), Redact: list})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// found returns the secrets that one detector finds in a text, with its name.
func foundBy(t testing.TB, d string, text string) string {
	t.Helper()
	p := redactorOf(t, Redaction{Detect: []string{d}})
	var all []string
	for _, m := range p.redactor.find(nil, []byte(text)) {
		all = append(all, text[m.from:m.to])
	}
	return strings.Join(all, " + ")
}

func TestDetectors(t *testing.T) {
	f := func(d, text, want string) {
		t.Helper()
		if got := foundBy(t, d, text); got != want {
			t.Errorf("%s in %q: %q, want %q", d, text, got, want)
		}
	}
	// Numbers that the networks publish for tests.
	for _, n := range []string{"4111111111111111", "4222222222222", "5555555555554444", "2223003122003222", "378282246310005", "30569309025904",
		"6011111111111117", "3530111333300000", "4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005", "3056 930902 5904", "6304000000000000"} {
		f("card", n, n)
		f("card", "card="+n+", ok", n)
		f("card", "("+n+")", n)
	}
	f("card", "4111 1111 1111 1111 123", "4111 1111 1111 1111")
	f("card", "pay 4111111111111111 and 5555555555554444.", "4111111111111111 + 5555555555554444")
	for _, n := range []string{"4111111111111112", "1234567890123456", "0.4111111111111111", "x4111111111111111", "4111111111111111a", "41111111111111110",
		"1795414799000000000", "4111 1111 1111", "4111-1111 1111-1111", "9999999999999995", "4111111111111111.5"} {
		f("card", n, "")
	}
	f("iban", "to DE89370400440532013000.", "DE89370400440532013000")
	f("iban", "GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 32")
	f("iban", "NO9386011117947", "NO9386011117947")
	f("iban", "MT84MALT011000012345MTLCAST001S", "MT84MALT011000012345MTLCAST001S")
	f("iban", "DE89370400440532013001", "")
	f("iban", "XX89370400440532013000", "")
	f("iban", "XDE89370400440532013000", "")
	f("iban", "DE8937040044053201300", "")
	f("ssn", "ssn 219-09-9999.", "219-09-9999")
	for _, n := range []string{"000-12-3456", "666-12-3456", "912-12-3456", "219-00-9999", "219-09-0000", "1219-09-9999", "219-09-99990", "1-219-09-9999", "219-09-9999-1"} {
		f("ssn", n, "")
	}
	f("email", "from bob.smith+tag@mail.example.com, hi", "bob.smith+tag@mail.example.com")
	f("email", "<bob@example.com>", "bob@example.com")
	f("email", "user=bob@example.com", "bob@example.com")
	f("email", "müller@example.de.", "müller@example.de")
	f("email", "a@b.co x@y.org", "a@b.co + x@y.org")
	for _, n := range []string{"bob@localhost", "@example.com", "a@b.c", "a@1.2", "x @ y.com", "bob@", "@"} {
		f("email", n, "")
	}
	f("ipv4", "from 10.0.0.1:8080 to 192.168.255.254", "10.0.0.1 + 192.168.255.254")
	for _, n := range []string{"1.2.3", "1.2.3.256", "1.2.3.4.5", "v1.2.3.4", "1.2.3.4x", "0001.2.3.4", "1..2.3.4"} {
		f("ipv4", n, "")
	}
	f("ipv6", "peer [2001:db8::1]:443 and fe80::1%eth0", "2001:db8::1 + fe80::1")
	f("ipv6", "1:2:3:4:5:6:7:8, ::1, ::ffff:10.0.0.1.", "1:2:3:4:5:6:7:8 + ::1 + ::ffff:10.0.0.1")
	for _, n := range []string{"12:34:56", "std::io", "00:1a:2b:3c:4d:5e", "a::b", "1:2:3:4:5:6:7:8:9", "1::2::3", "host:80", "crate::mod1::f", ":::1", "12345::1"} {
		f("ipv6", n, "")
	}
	const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	f("jwt", "token "+token+";", token)
	f("jwt", "a"+token, "")
	f("jwt", "eyJhbGciOiJIUzI1NiJ9", "")
	f("bearer", "Authorization: Bearer abc123def456", "abc123def456")
	f("bearer", "bearer  a1b2c3d4e5/+=", "a1b2c3d4e5/+=")
	f("bearer", "the bearer authentication", "")
	f("bearer", "forbearer a1b2c3d4e5", "")
	f("url_password", "postgres://app:hunter2@db:5432/x", "hunter2")
	f("url_password", "redis://:hunter2@cache", "hunter2")
	f("url_password", "https://u:p@ss@example.com/a@b", "p@ss")
	f("url_password", "postgres://app:pa/ss@db/x", "pa/ss")
	f("url_password", "http://example.com:8080/a@b http://example.com/x:y@z ftp://bob@host", "")
	f("password", "password=hunter2", "hunter2")
	f("password", "db_password: hunter2, user: bob", "hunter2")
	f("password", `{"user":"bob","password":"hun\"ter2","n":1}`, `hun\"ter2`)
	f("password", `{\"password\":\"hunter2\",\"n\":1}`, "hunter2")
	f("password", `{\\\"pwd\\\":\\\"hunter2\\\"}`, "hunter2")
	f("password", "PGPASSWORD='hunter 2' psql", "hunter 2")
	f("password", "url?api_key=abc&x=1", "abc")
	f("password", "Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz")
	f("password", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "wJalrXUtnFEMI/K7MDENG")
	f("password", "Cookie: a=b; session=c d\n", "a=b; session=c d")
	f("password", "pass=x pin=1234 bypass=1 spin=2 tokens=3 userPass=z", "x + 1234 + z")
	f("password", "password=, password: null token=*** secret={", "")
	f("password", `"password":"unclosed`, "unclosed")
	f("password", `{"Authorization":["Basic dXNlcjpwYXNz"],"X-Api-Key": [ "k1", "k2" ],"Accept":["x"]}`, `dXNlcjpwYXNz + k1", "k2`)
	f("password", `{\"token\":[\"k1\",\"k2\"]}`, `k1\",\"k2`)
	f("password", `{"pins":[1],"pin":[1,22]}`, "1,22")
	f("password", "map[Accept:[x] Cookie:[a=b; c=d] X-Api-Key:[k1 k2]]", "a=b; c=d + k1 k2")
	f("password", `token: [] secret: [{"a":1}] password: ["`, "")
	f("password", `Login { user: "bob", password: Some("hun)ter2"), token: Secret(abc), pin: Some(Pin(1234)) }`, "hun)ter2 + Secret(abc + Pin(1234")
	f("password", `password: Some(Secret(\"hunter2\")) token: ab("c`, `hunter2 + c`)
	f("password", "password: None, token: Some(", "")
	f("aws_key", "id AKIAIOSFODNN7EXAMPLE and ASIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE + ASIAIOSFODNN7EXAMPLE")
	f("aws_key", "XAKIAIOSFODNN7EXAMPLE AKIAIOSFODNN7EXAMPL AKIAIOSFODNN7EXAMPLES", "")
	f("gcp_key", "AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe", "AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe")
	f("gcp_key", "ya29.a0AfH6SMBx-1234567890_abc", "ya29.a0AfH6SMBx-1234567890_abc")
	f("gcp_key", "AIzaShort ya29.x", "")
	const gh = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
	f("github_key", "push "+gh+" ok", gh)
	f("github_key", "github_pat_11ABCDEFG0abcdefghijkl_mnop", "github_pat_11ABCDEFG0abcdefghijkl_mnop")
	f("github_key", "ghp_short highp_16C7e42F292c6912E7710c838347Ae178B4a github_pat_x", "")
	f("slack_key", "xoxb-123456789012-abcDEF xapp-1-A0123-456", "xoxb-123456789012-abcDEF + xapp-1-A0123-456")
	f("slack_key", `post "https://hooks.slack.com/services/T0001/B0002/XXXXabcd1234": EOF`, "services/T0001/B0002/XXXXabcd1234")
	f("slack_key", "see https://hooks.slack.com/ and https://slack.com/services/T0001/B0002/XXXXabcd1234", "")
	f("slack_key", "xoxz-123456789012 foxb-123456789012 xox-1", "")
	const pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----"
	f("pem", "key: "+pem+"\nnext", pem)
	f("pem", "key: "+pem[:50], pem[:50])
	f("pem", "----- BEGIN", "")
}

// planted are secrets and texts that contain them, by detector. Each text is
// valid in a JSON string without escapes.
var planted = []struct{ detector, text, secret string }{
	{"card", "paid with %s today", "4111111111111111"},
	{"card", "paid with %s", "5555 5555 5555 4444"},
	{"iban", "iban %s", "DE89370400440532013000"},
	{"ssn", "ssn %s.", "219-09-9999"},
	{"email", "mail to %s", "bob.smith@example.com"},
	{"ipv4", "peer %s:80", "203.0.113.77"},
	{"ipv6", "peer [%s]", "2001:db8::8a2e:370:7334"},
	{"jwt", "jwt %s", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVPmB92K27uhbUJU1p1rwW1gFWFOEjXk"},
	{"bearer", "Authorization: Bearer %s", "a1b2c3d4e5f6g7h8"},
	{"url_password", "dial postgres://app:%s@db/x", "hunter2hunter2"},
	{"password", "login password=%s failed", "correcthorsebattery"},
	{"aws_key", "using %s", "AKIAIOSFODNN7EXAMPLE"},
	{"gcp_key", "using %s", "AIzaSyDaGmWKa4JsXZHjGw7ISLn3namBGewQe99"},
	{"github_key", "using %s", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"},
	{"slack_key", "using %s", "xoxb-123456789012-abcDEFghi"},
	{"regexp", "customer %s", "CUST-778899"},
	{"attribute", "%s", "anything-at-all"},
}

// plant puts a secret into a line: as body, attribute, name, within JSON, after
// escapes that make the parser copy it, and in other formats.
func plant(text, secret string) []string {
	s := fmt.Sprintf(text, secret)
	nested := strings.ReplaceAll(s, `"`, `\"`)
	return []string{
		`{"level":"info","msg":"` + s + `"}`,
		`{"level":"info","msg":"x","secret.thing":"` + s + `"}`,
		`{"level":"info","msg":"tab\t` + s + ` \"quoted\"","secret.thing":"\n` + s + `"}`,
		`{"level":"info","msg":"x","secret.thing":{"a":["` + s + `"],"b":1}}`,
		`{"level":"info","msg":"x","secret.thing":"{\"a\":\"` + nested + `\"}"}`,
		`level=info msg="` + s + `" secret.thing="` + s + `" n=1`,
		"2026/11/23 10:00:00 " + s,
		"plain " + s,
		"\x1b[31mred\x1b[0m " + s + " \xff",
		`^C{"level":"info","msg":"` + s + `"}`,
	}
}

func allRedactions(action Action) []Redaction {
	k := Key{"k1", []byte(secretKey)}
	return []Redaction{
		{Attributes: []string{"secret.*"}, Action: action, Key: k},
		{Detect: []string{All}, Action: action, Key: k},
		{Regexps: []string{`CUST-\d+`}, Action: action, Key: k},
	}
}

// TestNothingPlantedRemains looks for secrets in everything that could be
// written: the form of the batch before it is compressed, and the arena.
func TestNothingPlantedRemains(t *testing.T) {
	for _, action := range []Action{Mask, Drop, Token} {
		p := redactorOf(t, allRedactions(action)...)
		w := p.NewWorker()
		for _, c := range planted {
			for _, line := range plant(c.text, c.secret) {
				if c.detector == "attribute" && !strings.Contains(line, "secret.thing") {
					continue
				}
				b, starts, raw := batchOf(debugLine, line, infoLine)
				if c.detector == "attribute" {
					b.Records[1].Body = record.Span{} // only the attribute is a secret
				}
				w.Apply(b, starts, raw, 1)
				if encoded := b.Append(nil); bytes.Contains(encoded, []byte(c.secret)) {
					t.Errorf("action %d: %s remains of %q", action, c.secret, line)
				}
				if c.detector != "attribute" && bytes.Contains(b.Arena, []byte(c.secret)) {
					t.Errorf("action %d: %s remains in the arena of %q: %q", action, c.secret, line, b.Arena)
				}
				if got := fieldsOf(b, 0); got != "n=1 service.name=payments" {
					t.Errorf("a neighbour became %s", got)
				}
			}
		}
	}
}

// TestRuleRedacts: a rule's own list is for the records it matches.
func TestRuleRedacts(t *testing.T) {
	p := pipelineOf(t, Rule{Name: "r", Match: `{service_name="payments"}`, Redact: []Redaction{{Detect: []string{"email"}}}})
	_, b := apply(p, `{"level":"info","msg":"a@b.example","service":"payments"}`, `{"level":"info","msg":"a@b.example","service":"orders"}`)
	if x, y := string(b.Bytes(b.Records[0].Body)), string(b.Bytes(b.Records[1].Body)); x != "***********" || y != "a@b.example" {
		t.Errorf("bodies %q, %q", x, y)
	}
	if n := p.Stats.Redacted[Email].Load(); n != 1 {
		t.Errorf("%d counted", n)
	}
}

func TestActions(t *testing.T) {
	f := func(r Redaction, line, body, fields string) {
		t.Helper()
		r.Key = Key{"k1", []byte(secretKey)}
		b, starts, raw := batchOf(line)
		redactorOf(t, r).NewWorker().Apply(b, starts, raw, 1)
		if got := string(b.Bytes(b.Records[0].Body)); got != body {
			t.Errorf("%s: body %q, want %q", line, got, body)
		}
		if got := fieldsOf(b, 0); got != fields {
			t.Errorf("%s: fields %s, want %s", line, got, fields)
		}
	}
	all := []string{All}
	f(Redaction{Detect: all}, `{"level":"info","msg":"to a@b.io now","x":"10.0.0.1","n":4111111111111111}`, "to ****** now", "n=**************** x=********")
	f(Redaction{Detect: all}, `{"level":"info","msg":"m","x":{"pin":1234,"password":"abcd","a":[10.5]}}`, "m", `x={"pin":"****","password":"****","a":[10.5]}`)
	f(Redaction{Detect: all}, `{"level":"info","msg":"m","x":{"token":["a","b"],"pin":[12,3]}}`, "m", `x={"token":["*****"],"pin":["****"]}`)
	f(Redaction{Detect: all, Action: Drop}, `{"level":"info","msg":"to a@b.io now","x":"10.0.0.1","n":4111111111111111,"k":1}`, "to  now", "k=1")
	f(Redaction{Detect: all, Action: Token}, `{"level":"info","msg":"to a@b.io now","x":"a@b.io"}`, "to tok_k1_b2aedf29ab74380f now", "x=tok_k1_b2aedf29ab74380f")
	f(Redaction{Detect: all, Action: Token}, `{"level":"info","msg":"4111 1111 1111 1111","x":4111111111111111}`, "tok_k1_7b7e6cb2715c7b1c", "x=tok_k1_7b7e6cb2715c7b1c")
	f(Redaction{Detect: all}, `{"level":"info","msg":"x","db.password":"hunter2","pin":1234,"token":null,"secret":true,"apikey":{"a":1}}`, "x",
		"apikey=******* db.password=******* pin=**** secret=**** token=null")
	f(Redaction{Detect: all}, `{"level":"info","msg":"x","card":[4111111111111111,"4111111111111111"],"k":"v"}`, "x", `card=["****************","****************"] k=v`)
	f(Redaction{Attributes: []string{"user.*"}, Action: Drop}, `{"level":"info","msg":"x","user.id":7,"User.Name":"bob","n":1}`, "x", "n=1")
	f(Redaction{Regexps: []string{`id-(\d+)`}}, `{"level":"info","msg":"id-123 id-4","x":"y"}`, "id-*** id-*", "x=y")
	f(Redaction{Detect: all}, `{"level":"info","msg":"x","4111111111111111":"y"}`, "x", "****************=y")
}

// TestFirstRedactionWins: a secret goes to the first entry that finds it.
func TestFirstRedactionWins(t *testing.T) {
	b, starts, raw := batchOf(`{"level":"info","msg":"10.0.0.1 a@b.io","email":"c@d.io"}`)
	redactorOf(t,
		Redaction{Detect: []string{"email"}},
		Redaction{Detect: []string{All}, Attributes: []string{"email"}, Action: Drop}).NewWorker().Apply(b, starts, raw, 1)
	if got := string(b.Bytes(b.Records[0].Body)); got != " ******" || fieldsOf(b, 0) != "" {
		t.Errorf("body %q, fields %s", got, fieldsOf(b, 0))
	}
}

// TestPEMOverLines: a block that is a record for each line goes as a whole.
func TestPEMOverLines(t *testing.T) {
	lines := []string{"before", "-----BEGIN PRIVATE KEY-----", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj", "shortline", "-----END PRIVATE KEY-----", "after"}
	b, starts, raw := batchOf(lines...)
	redactorOf(t, Redaction{Detect: []string{"pem"}}).NewWorker().Apply(b, starts, raw, 1)
	var bodies []string
	for i := range b.Records {
		bodies = append(bodies, string(b.Bytes(b.Records[i].Body)))
	}
	text := strings.Join(bodies, "\n")
	if strings.Contains(text, "MII") || strings.Contains(text, "shortline") || !strings.HasPrefix(text, "before\n") || !strings.HasSuffix(text, "\nafter") {
		t.Errorf("bodies %q", bodies)
	}
	b, starts, raw = batchOf(lines[2], "word")
	redactorOf(t, Redaction{Detect: []string{"pem"}}).NewWorker().Apply(b, starts, raw, 1)
	if got := string(b.Bytes(b.Records[0].Body)); got != strings.Repeat("*", 64) {
		t.Errorf("a line out of a block stays %q", got)
	}
}

// pemBodies redacts lines, those of each batch together, and returns what is left
// of them.
func pemBodies(p *Pipeline, batches ...[]string) (bodies []string) {
	w := p.NewWorker()
	for _, lines := range batches {
		b, starts, raw := batchOf(lines...)
		w.Apply(b, starts, raw, 1)
		for i := range b.Records {
			bodies = append(bodies, string(b.Bytes(b.Records[i].Body)))
		}
	}
	return bodies
}

// TestPEMOverBatches: a block that is written slowly goes as a whole, too,
// whatever the length of its lines, and so does what is left of one after a
// restart.
func TestPEMOverBatches(t *testing.T) {
	p := redactorOf(t, Redaction{Detect: []string{"pem"}})
	openSSH := strings.Split(`-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACCAMg2+MII1F69SX8gIbLq+iWtGtKG3/yDWSPBsfkf8LQAAAIg8XXpqPF16
AAAEAhn508qU2w7gYx8aC0847C60yIUsryI/ULawhqilI9R4AyDb4wgjUXr1JfyAhsur6J
a0a0obf/INZI8Gx+R/wtAAAAAXgBAgME
-----END OPENSSH PRIVATE KEY-----
done`, "\n")
	var one [][]string
	for _, l := range openSSH {
		one = append(one, []string{l})
	}
	for i, body := range pemBodies(p, one...) {
		if want := i >= len(openSSH)-2; (body == openSSH[i]) != want {
			t.Errorf("line %d: %q", i, body)
		}
	}
	for i, body := range pemBodies(p, openSSH[2:4], []string{"/UBYC6kasgiW2x6Og7tMvAsHcwuosWNwg4XpTmZF1nDgvzqU4KGIZQ=="}) {
		if strings.Trim(body, "*") != "" {
			t.Errorf("line %d without the beginning: %q", i, body)
		}
	}
	encrypted := []string{"-----BEGIN RSA PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,8F1D", "shortline", "-----END RSA PRIVATE KEY-----"}
	if got := pemBodies(p, encrypted); strings.Trim(got[3], "*") != "" {
		t.Errorf("behind the headers: %q", got)
	}
	for _, l := range []string{"/srv/App/releases/20261123", "requestID7", "c29tZQ==", "deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef"} {
		if got := pemBodies(p, []string{l}); got[0] != l {
			t.Errorf("%q is %q", l, got[0])
		}
	}
	const digest = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	if got := pemBodies(p, []string{`{"level":"info","msg":"` + digest + `"}`}); got[0] != digest {
		t.Errorf("a message is %q", got[0])
	}
}

// TestPEMOfSeveralRedactors: what one has masked does not hide the block from
// itself when others look, too.
func TestPEMOfSeveralRedactors(t *testing.T) {
	find := []Redaction{{Detect: []string{"pem"}}}
	p, err := New(Config{Outputs: outputs(), Rules: []Rule{{Name: "r", Redact: find}}, Redact: find})
	if err != nil {
		t.Fatal(err)
	}
	got := pemBodies(p, []string{"-----BEGIN PRIVATE KEY-----", "shortline", "another"})
	if text := strings.Join(got, ""); strings.Trim(text, "*") != "" {
		t.Errorf("bodies %q", got)
	}
}

func TestSecretNames(t *testing.T) {
	for _, s := range []string{"password", "PASSWORD", "db.password", "userPassword", "X-Api-Key", "api_key", "accessToken", "client_secret", "pin", "card-pin", "userPin", "pwd", "Set-Cookie"} {
		if !isSecretName([]byte(s)) {
			t.Errorf("%q is no secret", s)
		}
	}
	for _, s := range []string{"", "user", "spin", "bypass", "compass", "tokens", "password_reset", "key", "path", "authorized"} {
		if isSecretName([]byte(s)) {
			t.Errorf("%q is a secret", s)
		}
	}
}

// FuzzRedact: a secret that stands alone in text is gone, whatever surrounds
// it, and what is left can be written and read.
func FuzzRedact(f *testing.F) {
	f.Add("a", "b", 0)
	f.Add(`{"level":"info","msg":"`, `","x":{"y":1}}`, 3)
	f.Add("level=info msg=\"x\\n ", `" k="v"`, 5)
	f.Add(`password: "`, "@4111", 7)
	f.Add("-----BEGIN ", "eyJ", 2)
	p := redactorOf(f, allRedactions(Mask)...)
	tokens := redactorOf(f, allRedactions(Token)...)
	f.Fuzz(func(t *testing.T, before, behind string, n int) {
		if len(before) > 1<<12 || len(behind) > 1<<12 {
			return
		}
		before, behind = strings.ReplaceAll(before, "\n", " "), strings.ReplaceAll(behind, "\n", " ")
		c := planted[(n&0xff)%(len(planted)-1)]
		for _, p := range []*Pipeline{p, tokens} {
			b, starts, raw := batchOf(before + " " + fmt.Sprintf(c.text, c.secret) + " " + behind)
			p.NewWorker().Apply(b, starts, raw, 1)
			encoded := b.Append(nil)
			if i := bytes.Index(encoded, []byte(c.secret)); i >= 0 && !strings.Contains(before+behind, c.secret) {
				t.Errorf("%s remains of %q %q: %q", c.secret, before, behind, encoded)
			}
			var again record.Batch
			if _, err := again.Decode(encoded); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzScan: matches are in order, within the text, and on any text.
func FuzzScan(f *testing.F) {
	for _, c := range planted {
		f.Add([]byte(fmt.Sprintf(c.text, c.secret)))
	}
	rd := redactorOf(f, allRedactions(Mask)...).redactor
	f.Fuzz(func(t *testing.T, v []byte) {
		at := 0
		for _, m := range rd.find(nil, v) {
			if m.from < at || m.to <= m.from || m.to > len(v) {
				t.Fatalf("match %d..%d behind %d of %d", m.from, m.to, at, len(v))
			}
			at = m.to
		}
	})
}

// TestHostileText: time is in proportion to the text. It takes seconds if it is not.
func TestHostileText(t *testing.T) {
	rd := redactorOf(t, allRedactions(Mask)...).redactor
	for _, s := range []string{"{", "\\", "=", "\"", ":", "-", "1", "1-", "4111 ", "@", "a@", "a:", "eyJ", "eyJ.", "://", "a://b:", "password=\"", "pwd:", "-----BEGIN ",
		"AIza", "ghp_", "xoxb-", "bearer ", "1.", "::", "ab:", "DE89", "DE89 ", "ya29.", " ", "\xff", "password:\\", "github_pat_"} {
		rd.find(nil, bytes.Repeat([]byte(s), (2<<20)/len(s)))
	}
}
