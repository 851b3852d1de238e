package format

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var fingerprintOf = regexp.MustCompile(`"exception.fingerprint":"([0-9a-f]{16})"`)

func fingerprint(t *testing.T, text string) string {
	t.Helper()
	m := fingerprintOf.FindStringSubmatch(summary(text))
	if m == nil {
		return ""
	}
	return m[1]
}

func TestFingerprint(t *testing.T) {
	const goPanic = `panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.pick(...)
	/src/app/main.go:12
main.main.func1()
	/src/app/main.go:20 +0x1d
net/http.HandlerFunc.ServeHTTP(0x0?, {0x1, 0x2}, 0x3)
	/usr/local/go/src/net/http/server.go:2294 +0x29
main.main()
	/src/app/main.go:30 +0x2c
`
	const rust = `thread 'main' panicked at src/main.rs:4:5:
boom
stack backtrace:
   0: std::panicking::begin_panic_handler
             at /rustc/4d91de4e48198da2e33413efdcd9cd2cc0c46688/library/std/src/panicking.rs:692:5
   1: core::panicking::panic_fmt
             at /rustc/4d91de4e48198da2e33413efdcd9cd2cc0c46688/library/core/src/panicking.rs:75:14
   2: app::load::{{closure}}
             at ./src/main.rs:4:5
   3: serde_json::from_str
             at /build/.cargo/registry/src/index/serde_json-1.0.1/src/de.rs:2600:5
   4: app::main
             at ./src/main.rs:9:5
note: Some details are omitted, run with ` + "`RUST_BACKTRACE=full`" + ` for a verbose backtrace.
`
	const zap = `{"level":"error","ts":1795415142.1,"caller":"a/a.go:1","msg":"m","error":"e","stacktrace":"go.uber.org/zap.(*Logger).Error\n\t/go/pkg/mod/go.uber.org/zap@v1.28.0/logger.go:257\nmain.handle\n\t/src/a/a.go:1\nmain.main\n\t/src/a/main.go:9"}`
	same := func(name, a, b string) {
		t.Helper()
		if x, y := fingerprint(t, a), fingerprint(t, b); x != y || x == "" {
			t.Errorf("%s: %q and %q of\n%s\n%s", name, x, y, a, b)
		}
	}
	differ := func(name, a, b string) {
		t.Helper()
		if x, y := fingerprint(t, a), fingerprint(t, b); x == y || x == "" || y == "" {
			t.Errorf("%s: %q and %q of\n%s\n%s", name, x, y, a, b)
		}
	}
	change := func(text string, pairs ...string) string {
		t.Helper()
		got := strings.NewReplacer(pairs...).Replace(text)
		if got == text {
			t.Fatalf("%q is not in the text", pairs)
		}
		return got
	}
	same("addresses, lines, numbers", goPanic, change(goPanic, "0x1d", "0x99", "main.go:20", "main.go:21", "func1()", "func2(0xc000)", "goroutine 1 [", "goroutine 77 [", "[5] with", "[6] with"))
	same("another Go", goPanic, change(goPanic, "server.go:2294", "server.go:2166", "net/http.HandlerFunc.ServeHTTP(", "net/http.serverHandler.ServeHTTP("))
	same("another goroutine behind it", goPanic, goPanic+"\ngoroutine 7 [select]:\nmain.other()\n\t/src/app/main.go:44 +0x1d\n")
	differ("another function", goPanic, change(goPanic, "main.pick(", "main.choose("))
	differ("another kind", goPanic, change(goPanic, "panic: runtime error: index", "panic: index"))
	same("a dependency between", goPanic, change(goPanic, "main.main()\n", "github.com/gin-gonic/gin.(*Context).Next(0x1)\n\t/go/pkg/mod/github.com/gin-gonic/gin@v1.10.0/context.go:185 +0x2b\nmain.main()\n"))

	same("another compiler", rust, change(rust, "4d91de4e48198da2e33413efdcd9cd2cc0c46688", "05f9846f893b09a1be1fc8560e33fc3c815cfecb", "panicking.rs:692", "panicking.rs:700", "main.rs:4:5", "main.rs:5:9"))
	same("names with hashes", rust, change(rust, "app::main\n", "app::main::h0123456789abcdef\n"))
	same("full", rust, change(rust, "   4: app::main", "  14:     0x5574d1a0 - app::main"))
	same("another version of a dependency", rust, change(rust, "serde_json-1.0.1", "serde_json-1.0.2", "serde_json::from_str", "serde_json::from_slice"))
	differ("another function in Rust", rust, change(rust, "app::load", "app::save"))

	same("without a backtrace", "thread 'main' panicked at src/a.rs:4:5:\nno such user 42: `x`\n", "thread 'w' panicked at src/a.rs:9:1:\nno such user 43: `y`\n")
	differ("in another file", "thread 'main' panicked at src/a.rs:4:5:\nboom\n", "thread 'main' panicked at src/b.rs:4:5:\nboom\n")
	same("zap", zap, change(zap, "a.go:1", "a.go:2", "v1.28.0", "v1.29.1"))
	differ("zap in another function", zap, change(zap, "main.handle", "main.serve"))

	for _, plain := range []string{`{"level":"error","msg":"m","error":"e"}`, "level=error msg=m err=e", "2026/11/23 06:25:41 x", `{"stack":"not one"}`} {
		if got := fingerprint(t, plain); got != "" {
			t.Errorf("%s has the fingerprint %s", plain, got)
		}
	}
}

// TestFingerprintsOfCrashes: crashes of one program in different ways are not
// the same, whatever was in the way of the stack trace.
func TestFingerprintsOfCrashes(t *testing.T) {
	for _, dir := range []string{"go-panic", "rust-panic"} {
		files, err := filepath.Glob("testdata/" + dir + "/*.log")
		if err != nil || len(files) == 0 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		seen := map[string]int{}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := fingerprint(t, string(text))
			if got == "" {
				t.Errorf("%s has no fingerprint", file)
			}
			seen[got]++
		}
		if len(seen) < len(files)/4 {
			t.Errorf("%s: %d fingerprints of %d crashes", dir, len(seen), len(files))
		}
	}
}
