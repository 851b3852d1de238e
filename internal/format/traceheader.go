package format

import (
	"bytes"
	"encoding/binary"
)

// traceContext is what a header says of the trace.
type traceContext struct {
	trace [16]byte
	span  [8]byte
	flags uint8
}

// traceHeader parses the values of the headers that hand a trace on, but for
// the W3C's:
//
//	TRACE-SPAN-1-PARENT                     b3, of Zipkin; the last two may be missing
//	TRACE:SPAN:PARENT:FLAGS                 uber-trace-id, of Jaeger, without leading zeros
//	Root=1-TIME-ID;Parent=SPAN;Sampled=1    X-Amzn-Trace-Id, in any order
//	TRACE/SPAN;o=1                          X-Cloud-Trace-Context, the span in decimal
func traceHeader(text []byte) (h traceContext, ok bool) {
	i := 0
	for i < len(text) && unhex[text[i]] < 16 {
		i++
	}
	if i == len(text) {
		return h, false
	}
	switch c := text[i]; {
	case c == '-' && (i == 32 || i == 16):
		return h, h.b3(text[:i], text[i+1:])
	case c == ':' && i > 0:
		return h, h.jaeger(text)
	case c == '/' && i == 32:
		return h, h.cloud(text[:i], text[i+1:])
	case bytes.IndexByte(text[:min(len(text), 8)], '=') > 0:
		return h, h.amazon(text)
	}
	return h, false
}

func (h *traceContext) b3(trace, rest []byte) bool {
	if !unhexRight(h.trace[:], trace) || len(rest) < 16 || !unhexAll(h.span[:], rest[:16]) {
		return false
	}
	switch rest = rest[16:]; {
	case len(rest) == 0:
	case len(rest) == 2 || len(rest) == 19 && rest[2] == '-':
		if rest[0] != '-' {
			return false
		}
		if rest[1] == '1' || rest[1] == 'd' {
			h.flags = 1
		}
	default:
		return false
	}
	return true
}

func (h *traceContext) jaeger(text []byte) bool {
	trace, rest, _ := bytes.Cut(text, []byte(":"))
	span, rest, ok1 := bytes.Cut(rest, []byte(":"))
	_, flags, ok2 := bytes.Cut(rest, []byte(":"))
	var flag [1]byte
	if !ok1 || !ok2 || !unhexRight(h.trace[:], trace) || !unhexRight(h.span[:], span) || !unhexRight(flag[:], flags) {
		return false
	}
	h.flags = flag[0] & 1
	return true
}

func (h *traceContext) cloud(trace, rest []byte) bool {
	span, option, _ := bytes.Cut(rest, []byte(";"))
	n, ok := decimal(span)
	if !ok || !unhexAll(h.trace[:], trace) {
		return false
	}
	binary.BigEndian.PutUint64(h.span[:], n)
	if string(option) == "o=1" {
		h.flags = 1
	}
	return true
}

func (h *traceContext) amazon(text []byte) bool {
	found := false
	for len(text) > 0 {
		var pair []byte
		pair, text, _ = bytes.Cut(text, []byte(";"))
		name, value, _ := bytes.Cut(bytes.TrimSpace(pair), []byte("="))
		switch string(name) {
		case "Root":
			if len(value) != 35 || value[0] != '1' || value[1] != '-' || value[10] != '-' {
				return false
			}
			found = unhexAll(h.trace[:4], value[2:10]) && unhexAll(h.trace[4:], value[11:])
		case "Parent":
			if !unhexAll(h.span[:], value) {
				h.span = [8]byte{}
			}
		case "Sampled":
			if string(value) == "1" {
				h.flags = 1
			}
		}
	}
	return found
}

// unhexRight decodes hexadecimal digits into the end of dst, zeros before them.
func unhexRight(dst, digits []byte) bool {
	if len(digits) == 0 || len(digits) > 2*len(dst) {
		return false
	}
	var padded [32]byte
	full := padded[:2*len(dst)]
	n := len(full) - len(digits)
	for i := range full[:n] {
		full[i] = '0'
	}
	copy(full[n:], digits)
	return unhexAll(dst, full)
}
