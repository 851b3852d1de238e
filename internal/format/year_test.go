package format

import (
	"testing"
	"time"

	"shipper/internal/record"
)

// TestYearless wants the last year that brings a time to when it was written, or
// before.
func TestYearless(t *testing.T) {
	f := func(written, line, want string) {
		t.Helper()
		near, err := time.Parse(time.RFC3339, written)
		if err != nil {
			t.Fatal(err)
		}
		b := new(record.Batch)
		b.Reset(testStream, []byte(line))
		hint := uint64(0)
		New(Options{Zone: time.UTC}).Parse(b, 0, len(line), near.UnixNano(), &hint)
		if got := time.Unix(0, b.Records[0].Time).UTC().Format(time.DateOnly); got != want || b.Records[0].TimeSource != record.TimeNoYear {
			t.Errorf("%s, written %s: %s, want %s", line, written, got, want)
		}
	}
	const rest = " 10:00:00.000000 1 a.go:1] x"
	f("2026-11-23T12:00:00Z", "I1123"+rest, "2026-11-23")
	f("2026-11-23T12:00:00Z", "I0424"+rest, "2026-04-24")
	f("2026-11-23T12:00:00Z", "I1231"+rest, "2025-12-31")
	f("2026-11-23T12:00:00Z", "I1124"+rest, "2026-11-24") // of a zone or a clock that is ahead
	f("2027-01-01T00:00:05Z", "I1231"+rest, "2026-12-31")
	f("2027-01-01T00:00:05Z", "I0101"+rest, "2027-01-01")
	f("2026-12-31T23:59:59Z", "I0101"+rest, "2027-01-01")
	f("2026-11-23T12:00:00Z", "I0229"+rest, "2024-02-29")
	f("2104-02-20T12:00:00Z", "I0229"+rest, "2096-02-29") // 2100 is no leap year
	f("2026-11-23T12:00:00Z", "INFO [11-19|01:00:50.119] Served                conn=1", "2026-11-19")
	f("2026-11-23T12:00:00Z", "Jul 13 23:58:43.011 INFO Started                      version: 1", "2026-07-13")
}

// TestYearlessOfAFile wants times by when their file was changed last, not by
// when it was read.
func TestYearlessOfAFile(t *testing.T) {
	at := func(text string) int64 {
		t.Helper()
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when.UnixNano()
	}
	f := func(written, read, line, want string) {
		t.Helper()
		b := new(record.Batch)
		b.Reset(testStream, []byte(line))
		hint := uint64(0)
		p := New(Options{Zone: time.UTC})
		p.Written = at(written)
		p.Parse(b, 0, len(line), at(read), &hint)
		if got := time.Unix(0, b.Records[0].Time).UTC().Format(time.RFC3339); got != want || b.Records[0].Observed != at(read) {
			t.Errorf("%s, written %s, read %s: %s, want %s", line, written, read, got, want)
		}
	}
	const before, after, old, read = "2026-12-31T23:59:58Z", "2027-01-01T00:00:09Z", "2024-03-05T11:00:00Z", "2027-01-01T00:00:10Z"
	const klog, next = "I1231 23:59:58.000000 1 a.go:1] x", "I0101 00:00:02.000000 1 a.go:1] x"
	f(before, read, klog, "2026-12-31T23:59:58Z")
	f(after, read, klog, "2026-12-31T23:59:58Z")
	f(after, read, next, "2027-01-01T00:00:02Z")
	f(before, read, next, "2027-01-01T00:00:02Z") // of a clock that is ahead
	f(old, read, klog, "2023-12-31T23:59:58Z")
	f(old, read, next, "2024-01-01T00:00:02Z")
	f(old, read, "I0229 00:00:02.000000 1 a.go:1] x", "2024-02-29T00:00:02Z")
	f(old, read, "Mar  5 10:59:59.500 INFO started                      version: 1", "2024-03-05T10:59:59Z")
	f(old, read, "INFO [03-05|10:59:59.119] Served                conn=1", "2024-03-05T10:59:59Z")
	f(old, read, "11:59PM INF started port=1", "2024-03-04T23:59:00Z") // no date either
	f(old, read, "no time at all", "2027-01-01T00:00:10Z")
}
