package frame

import (
	"encoding/json"
	"testing"
	"time"
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
