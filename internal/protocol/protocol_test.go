package protocol

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestJudge(t *testing.T) {
	for code, want := range map[int]Outcome{
		200: Accepted, 201: Accepted, 202: Accepted, 204: Accepted, 299: Accepted,
		101: Retry, 300: Retry, 301: Retry, 302: Retry, 303: Retry, 304: Retry, 307: Retry, 308: Retry,
		400: Rejected, 402: Rejected, 409: Rejected, 422: Rejected, 431: Rejected,
		401: Unauthorized, 403: Unauthorized, 407: Unauthorized,
		404: Retry, 405: Retry, 415: Retry,
		408: Retry, 425: Retry, 429: Retry, 413: Split,
		500: Retry, 501: Retry, 502: Retry, 503: Retry, 504: Retry, 599: Retry, 999: Retry,
	} {
		v := Judge(code, http.Header{}, nil)
		if v.Outcome != want {
			t.Errorf("%d: %v, want %v", code, v.Outcome, want)
		}
		if (v.Reason == "") != (want == Accepted) {
			t.Errorf("%d: reason %q", code, v.Reason)
		}
	}
}

func TestReason(t *testing.T) {
	for _, c := range []struct {
		code     int
		location string
		body     string
		want     string
	}{
		{503, "", "", "503 Service Unavailable"},
		{503, "", "\n  disk \x1b[31mis\x00 full  \nmore", "503 Service Unavailable: disk [31mis full"},
		{400, "", `{"error":"line 3: no object","x":1}`, "400 Bad Request: line 3: no object"},
		{400, "", `{"error":{"type":"x"}}`, `400 Bad Request: {"error":{"type":"x"}}`},
		{600, "", "\xff", "600"},
		{404, "", "", "404 Not Found (check the path and the protocol of the output's url)"},
		{302, "https://user:secret@login.example/a?token=t#f", "x", `302 Found: redirect to "https://login.example/a" refused: set the output's url to where the records shall go`},
		{307, "", "", "307 Temporary Redirect: redirect to an unknown place refused: set the output's url to where the records shall go"},
	} {
		h := http.Header{}
		h.Set("Location", c.location)
		if got := Judge(c.code, h, []byte(c.body)).Reason; got != c.want {
			t.Errorf("%d %q: got %q, want %q", c.code, c.body, got, c.want)
		}
	}
	long := Judge(500, nil, bytes.Repeat([]byte("ü"), 1<<20)).Reason
	if len(long) > 2*maxReason || !strings.HasSuffix(long, "ü...") {
		t.Errorf("a long reason has %d bytes: %q", len(long), long)
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		for _, c := range []struct {
			value string
			want  time.Duration
		}{
			{"", 0}, {"0", 0}, {"7", 7 * time.Second}, {" 120 ", 2 * time.Minute}, {"-5", 0}, {"1.5", 0}, {"soon", 0},
			{"1000000000", maxAfter}, {"99999999999999999999999999", maxAfter},
			{now.Add(90 * time.Second).UTC().Format(http.TimeFormat), 90 * time.Second},
			{now.Add(-time.Hour).UTC().Format(http.TimeFormat), 0},
			{now.AddDate(200, 0, 0).UTC().Format(http.TimeFormat), maxAfter},
		} {
			h := http.Header{}
			h.Set("Retry-After", c.value)
			if got := Judge(429, h, nil).After; got != c.want {
				t.Errorf("%q: %v, want %v", c.value, got, c.want)
			}
			if got := Judge(400, h, nil).After; got != 0 {
				t.Errorf("%q with a 400: %v", c.value, got)
			}
		}
	})
}

func TestWriteVerdict(t *testing.T) {
	for _, v := range []Verdict{
		{Outcome: Accepted}, {Outcome: Accepted, Lost: 9},
		{Outcome: Retry, Reason: "x"}, {Outcome: Retry, After: time.Minute, Reason: "x"},
		{Outcome: Split, Reason: "x"}, {Outcome: Rejected, Reason: "x"}, {Outcome: Unauthorized, Reason: "x"},
	} {
		w := httptest.NewRecorder()
		if err := WriteVerdict(w, v); err != nil {
			t.Fatal(err)
		}
		got := Judge(w.Code, w.Header(), w.Body.Bytes())
		got.Lost = Lost(w.Body.Bytes())
		if !strings.HasSuffix(got.Reason, v.Reason) {
			t.Errorf("reason %q", got.Reason)
		}
		if got.Reason = v.Reason; !reflect.DeepEqual(got, v) {
			t.Errorf("got %+v, want %+v", got, v)
		}
	}
	w := httptest.NewRecorder()
	if err := WriteVerdict(w, Verdict{After: 1500 * time.Millisecond}); err != nil || w.Header().Get("Retry-After") != "2" {
		t.Errorf("1.5 s: Retry-After %q, %v", w.Header().Get("Retry-After"), err)
	}
}

func TestLost(t *testing.T) {
	for body, want := range map[string]int{"": 0, "ok": 0, `{"lost":3}`: 3, `{"lost":-3}`: 0, `{"lost":3`: 0, "[3]": 0} {
		if got := Lost([]byte(body)); got != want {
			t.Errorf("%q: %d, want %d", body, got, want)
		}
	}
}

func TestAppendKey(t *testing.T) {
	for _, c := range []struct {
		r    Request
		want string
	}{
		{Request{Agent: "ab", Epoch: 3, Frames: []Frame{{Sequence: 7}}}, "ab-3-7"},
		{Request{Agent: "ab", Frames: []Frame{{Sequence: 7}, {Sequence: 8}, {Sequence: 9}}}, "ab-0-7-9"},
		{Request{Agent: "ab", Epoch: 3, Frames: []Frame{{Sequence: 7}}, Part: true, End: 5}, "ab-3-7/0-5"},
	} {
		if got := string(c.r.AppendKey([]byte("x"))); got != "x"+c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestEncodings(t *testing.T) {
	text := []byte(strings.Repeat("a line that comes again, ", 400))
	noise := make([]byte, 100<<10)
	src := rand.NewChaCha8([32]byte{1})
	src.Read(noise)
	var d Decompressor
	for _, encoding := range []string{"zstd", "gzip", "snappy", "none", ""} {
		c, err := NewCompressor(encoding)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range [][]byte{nil, text, noise, text} {
			z, err := c.Append([]byte("before"), p)
			if err != nil {
				t.Fatal(err)
			}
			again, _ := c.Append([]byte("before"), p)
			if !bytes.Equal(z, again) || !bytes.HasPrefix(z, []byte("before")) {
				t.Errorf("%q: not the same bytes again", encoding)
			}
			z = z[len("before"):]
			got, err := d.Append([]byte("x"), z, c.Encoding, len(p))
			if err != nil || string(got) != "x"+string(p) {
				t.Errorf("%q: %d bytes came back as %d, %v", encoding, len(p), len(got)-1, err)
			}
			if len(p) == 0 {
				continue
			}
			if _, err := d.Append(nil, z, c.Encoding, len(p)-1); !errors.Is(err, ErrTooLarge) {
				t.Errorf("%q: over the limit: %v", encoding, err)
			}
			if c.Encoding != "" {
				if _, err := d.Append(nil, z[:len(z)-1], c.Encoding, len(p)); err == nil {
					t.Errorf("%q: cut off: no error", encoding)
				}
			}
		}
	}
	if _, err := NewCompressor("br"); !errors.Is(err, ErrEncoding) {
		t.Errorf("br: %v", err)
	}
	if _, err := d.Append(nil, text, "br", 1<<20); !errors.Is(err, ErrEncoding) {
		t.Errorf("br: %v", err)
	}
}

// TestBomb has a body that stays within the limit and is one all the same.
func TestBomb(t *testing.T) {
	c, err := NewCompressor("zstd")
	if err != nil {
		t.Fatal(err)
	}
	z, _ := c.Append(nil, make([]byte, 64<<20))
	if len(z)*maxRatio > 64<<20 {
		t.Fatalf("%d bytes are no bomb", len(z))
	}
	if _, err := new(Decompressor).Append(nil, z, "zstd", 1<<30); !errors.Is(err, ErrTooLarge) {
		t.Errorf("bomb: %v", err)
	}
}

func FuzzDecompress(f *testing.F) {
	for _, encoding := range []string{"zstd", "gzip", "snappy"} {
		c, err := NewCompressor(encoding)
		if err != nil {
			f.Fatal(err)
		}
		z, _ := c.Append(nil, []byte("some text, some text"))
		f.Add(z, encoding)
	}
	var d Decompressor
	f.Fuzz(func(t *testing.T, p []byte, encoding string) {
		const limit = 1 << 16
		out, err := d.Append([]byte("x"), p, encoding, limit)
		if len(out) > limit+1 || out[0] != 'x' || err != nil && len(out) != 1 {
			t.Fatalf("%d bytes, %v", len(out), err)
		}
	})
}
