package format

import (
	"testing"
	"time"

	"shipper/internal/record"
)

func TestEveryFormatHasASignature(t *testing.T) {
	for i, name := range record.FormatNames() {
		if Signature(uint8(i)) == "" {
			t.Errorf("%s has none", name)
		}
	}
	if s := Signature(255); s != "" {
		t.Errorf("format 255 has %q", s)
	}
}

func TestOptions(t *testing.T) {
	f := func(o Options, text string, hint uint64, want string, format uint8) {
		t.Helper()
		b := new(record.Batch)
		b.Reset(testStream, []byte(text))
		New(o).Parse(b, 0, len(text), observed, &hint)
		r := &b.Records[0]
		if got := time.Unix(0, r.Time).UTC().Format(time.RFC3339); got != want || r.Format != format {
			t.Errorf("%s: time %s, format %s", text, got, record.FormatName(r.Format))
		}
	}
	const klog, leap, object = "I1231 10:00:00.000000 1 a.go:1] x", "I0229 10:00:00.000000 1 a.go:1] x", `{"user":"ann","message":"x"}`
	f(Options{Zone: time.UTC}, klog, 0, "2025-12-31T10:00:00Z", record.FormatKlog)
	f(Options{Zone: time.UTC, Year: 2019}, klog, 0, "2019-12-31T10:00:00Z", record.FormatKlog)
	f(Options{Zone: time.UTC, Year: 2024}, leap, 0, "2024-02-29T10:00:00Z", record.FormatKlog)
	f(Options{Zone: time.FixedZone("", 3600)}, klog, 0, "2025-12-31T09:00:00Z", record.FormatKlog)
	f(Options{}, object, 0, "2026-11-23T07:00:00Z", record.FormatJSON)
	f(Options{Format: record.FormatZerologJSON}, object, 0, "2026-11-23T07:00:00Z", record.FormatZerologJSON)
	f(Options{Format: record.FormatZerologJSON}, object, uint64(record.FormatKlog), "2026-11-23T07:00:00Z", record.FormatZerologJSON)
	f(Options{Zone: time.UTC, Format: record.FormatZerologJSON}, klog, 0, "2025-12-31T10:00:00Z", record.FormatKlog)
}
