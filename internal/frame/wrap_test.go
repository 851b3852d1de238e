package frame

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"shipper/internal/record"
)

func TestStamp(t *testing.T) {
	f := func(text string, want string, length int) {
		t.Helper()
		ns, n := stamp([]byte(text))
		if n != length {
			t.Fatalf("%s: length %d, want %d", text, n, length)
		}
		if n == 0 {
			return
		}
		if got := time.Unix(0, ns).UTC().Format(time.RFC3339Nano); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	f("2026-11-23T06:42:55.609743826Z x", "2026-11-23T06:42:55.609743826Z", 30)
	f("2026-11-23T06:42:55Z", "2026-11-23T06:42:55Z", 20)
	f("2024-02-29T23:59:59.5+05:30", "2024-02-29T18:29:59.5Z", 27)
	f("2000-03-01T00:00:00.000000001-01:00", "2000-03-01T01:00:00.000000001Z", 35)
	f("1969-12-31T23:59:59.25Z", "1969-12-31T23:59:59.25Z", 23)
	f("2026-11-23 06:42:55Z", "", 0)
	f("2026-13-23T06:42:55Z", "", 0)
	f("2026-11-23T06:42:55.", "", 0)
	f("2026-11-23T06:42:55.1234567890Z", "", 0)
	f("2026-11-23T06:42:55+0100 x", "2026-11-23T05:42:55Z", 24)
	f("2026-11-23T06:42:55+01", "", 0)
}

func TestAppendJSON(t *testing.T) {
	f := func(inside, want string) {
		t.Helper()
		if got := string(appendJSON([]byte("-"), []byte(inside))); got != "-"+want {
			t.Errorf("%s: %q, want %q", inside, got, want)
		}
	}
	f(``, "")
	f(`plain text of some length`, "plain text of some length")
	f(`\"a\"\\\/\n\t\r\b\f`, "\"a\"\\/\n\t\r\b\f")
	f(`1234567\n12345678\n123456789\n`, "1234567\n12345678\n123456789\n")
	f(`\u003chtml\u003e \u00e9 \ud83d\ude00 \ud83d \ude00x`, "<html> é 😀 \uFFFD \uFFFDx")
	f(`\q \u12 \`, `\q \u12 \`)
}

// FuzzAppendJSON compares with encoding/json.
func FuzzAppendJSON(f *testing.F) {
	f.Add(`a\n\u003c"`)
	f.Add("\xff\\ud83d\\ude00")
	f.Fuzz(func(t *testing.T, inside string) {
		got := appendJSON(nil, []byte(inside))
		if len(got) > len(inside) {
			t.Fatalf("%q became longer: %q", inside, got)
		}
		var want string
		if json.Unmarshal([]byte(`"`+inside+`"`), &want) != nil {
			return
		}
		again, _ := json.Marshal(string(got)) // replaces what is no UTF-8
		var clean string
		json.Unmarshal(again, &clean)
		if clean != want {
			t.Errorf("%q became %q, want %q", inside, clean, want)
		}
	})
}

// TestBounds wants no unit to be larger than it may be, and input that keeps
// records open to be cut in linear time: some megabytes in small pieces.
func TestBounds(t *testing.T) {
	const limit, size = 1 << 20, 4 << 20
	f := func(name string, line func(i int) string) {
		t.Helper()
		var text strings.Builder
		for i := 0; text.Len() < size; i++ {
			text.WriteString(line(i))
		}
		units := pieces(Options{MaxRecord: limit}, text.String(), func(int) int { return 32 << 10 })
		if got := strings.Join(units, ""); got != text.String() {
			t.Errorf("%s: bytes are lost or come twice", name)
		}
		for _, u := range units {
			if len(u) > limit {
				t.Errorf("%s: a unit of %d bytes", name, len(u))
			}
		}
		texts(units)
	}
	cri := func(ms int, text string) string {
		return fmt.Sprintf("2026-11-23T06:42:%02d.%03dZ %s\n", ms/1000%60, ms%1000, text)
	}
	f("two streams with headers", func(i int) string {
		return cri(i/100, [...]string{"stdout", "stderr"}[i%2]+" F 2026/11/23 06:25:41 message")
	})
	f("a panic that stays open", func(i int) string {
		if i == 0 {
			return cri(0, "stderr F panic: boom")
		}
		return cri(0, `stdout F {"a":1}`)
	})
	f("a line in pieces without an end", func(i int) string {
		if i%2 == 0 {
			return cri(i, "stderr P piece")
		}
		return cri(i, `stdout F {"a":1}`)
	})
	f("panics without an end", func(i int) string { return [...]string{"panic: a\n", "{\"a\":1}\n", "text\n"}[i%3] })
	f("a dump that is interrupted for ever", func(i int) string {
		if i == 0 {
			return "goroutine 1 [running]:\n"
		}
		return [...]string{"main.main()\n", "{\"a\":1}\n", "\t/src/main.go:1 +0x1\n"}[i%3]
	})
	f("blank lines", func(i int) string { return cri(0, "stdout F") })
	f("many sources", func(i int) string { return fmt.Sprintf("web-%d | 2026/11/23 06:25:41 message\n", i%100) })
	f("names", func(i int) string {
		return "Nov 23 06:42:55 " + strings.Repeat("a", 60) + "[" + fmt.Sprint(i) + "]: panic: a\n"
	})
	f("long lines of quotes", func(int) string {
		return `{"log":"` + strings.Repeat(`\\\"`, limit/16) + `","stream":"stdout","time":"2026-11-23T06:42:55.608872442Z"}` + "\n"
	})
}

func TestFlags(t *testing.T) {
	f := func(unit string, flags record.Flags, want ...record.Flags) {
		t.Helper()
		var s Splitter
		_, records := s.Split([]byte(unit), 0, len(unit), flags)
		var got []record.Flags
		for _, r := range records {
			got = append(got, r.Flags)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: flags %v, want %v", unit, got, want)
		}
	}
	const all = record.Truncated | record.Partial | record.TimedOut
	f("text", all, all)
	f("panic: a\n{}\n\ngoroutine 1 [running]:\n", record.TimedOut, record.TimedOut, 0)
	f("panic: a\n{}\n\ngoroutine 1 [running]:\n{", record.Partial, 0, 0, record.Partial)
	at := func(text string) string { return "2026-11-23T06:42:55Z " + text + "\n" }
	f(at("stdout P a"), 0, record.Partial)
	f(at("stdout P a")+at("stderr F b")+at("stdout F a"), record.TimedOut, 0, 0)
	f(at("stdout F 2026/11/23 06:25:41 a")+at("stderr F 2026/11/23 06:25:41 b")+at("stdout F a"), record.TimedOut, record.TimedOut, 0)
	f(at("stdout F 2026/11/23 06:25:41 a")+at("stdout P b"), 0, 0, record.Partial)
	f(string(wide("2026/11/23 06:25:41 a\nb\n", littleEndian)), record.Partial, record.TimedOut)
	f(string(wide("2026/11/23 06:25:41 a\nb", littleEndian)), record.Partial, record.Partial)
	f(string(wide("2026/11/23 06:25:41 a\nb\n", bigEndian)), record.TimedOut, record.TimedOut)
}
