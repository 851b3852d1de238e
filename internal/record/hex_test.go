package record

import (
	"encoding/hex"
	"testing"
)

func TestAppendIDs(t *testing.T) {
	r := &Record{}
	if got := r.AppendSpanID(r.AppendTraceID([]byte("x"))); string(got) != "x" {
		t.Errorf("without IDs: %q", got)
	}
	r.Flags = HasTrace | HasSpan
	for b := range 256 {
		for i := range r.TraceID {
			r.TraceID[i] = byte(b + 17*i)
		}
		for i := range r.SpanID {
			r.SpanID[i] = byte(b ^ 31*i)
		}
		want := "x" + hex.EncodeToString(r.TraceID[:]) + hex.EncodeToString(r.SpanID[:])
		if got := r.AppendSpanID(r.AppendTraceID([]byte("x"))); string(got) != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
}
