package format

import (
	"bytes"
	"encoding/binary"

	"shipper/internal/record"
)

// Ranks of the keys that trace IDs stand under: a lower one wins.
const (
	rankPlain uint8 = iota + 1 // trace_id and its spellings
	rankDatadog
	rankOther // of a vendor or a header
	rankSpans // in the fields of a span
	rankBare  // trace, span
)

// setTrace sets the trace ID from text, and what else text says, if it is one
// and there is none of better rank. Datadog says that a decimal number is one.
func (p *Parser) setTrace(text []byte, rank uint8, datadog bool) bool {
	if p.head.trace != 0 && p.head.trace <= rank {
		return false
	}
	var id [16]byte
	switch n := len(text); {
	case n == 32:
		if !unhexAll(id[:], text) {
			return false
		}
	case n == 16 && unhexAll(id[8:], text):
	case n == 36 && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-':
		var digits [32]byte
		d := append(digits[:0], text[:8]...)
		d = append(append(append(append(d, text[9:13]...), text[14:18]...), text[19:23]...), text[24:]...)
		if !unhexAll(id[:], d) {
			return false
		}
	case n == 35 && text[0] == '1' && text[1] == '-' && text[10] == '-': // X-Ray
		var digits [32]byte
		if !unhexAll(id[:], append(append(digits[:0], text[2:10]...), text[11:]...)) {
			return false
		}
	case n == 55 && text[2] == '-' && text[35] == '-' && text[52] == '-': // traceparent
		var flags [1]byte
		if !unhexAll(flags[:], text[:2]) || flags[0] == 0xff || !unhexAll(flags[:], text[53:]) || !unhexAll(id[:], text[3:35]) {
			return false
		}
		if id == [16]byte{} || !p.setSpan(text[36:52], rank, false) {
			return false
		}
		p.r.TraceFlags = flags[0]
	default:
		if i := bytes.LastIndex(text, []byte("/traces/")); i > 0 && len(text)-i == 40 && unhexAll(id[:], text[i+8:]) {
			break
		}
		if n, ok := decimal(text); ok && datadog {
			binary.BigEndian.PutUint64(id[8:], n)
			break
		}
		h, ok := traceHeader(text)
		if !ok || h.trace == [16]byte{} {
			return false
		}
		id = h.trace
		if h.span != [8]byte{} && (p.head.span == 0 || p.head.span > rank) {
			p.r.SpanID, p.head.span = h.span, rank
			p.r.Flags |= record.HasSpan
		}
		p.r.TraceFlags |= h.flags
	}
	if id == [16]byte{} {
		return false
	}
	p.r.TraceID = id
	p.r.Flags |= record.HasTrace
	p.head.trace = rank
	return true
}

// setSpan is setTrace for the span ID.
func (p *Parser) setSpan(text []byte, rank uint8, datadog bool) bool {
	if p.head.span != 0 && p.head.span <= rank {
		return false
	}
	var id [8]byte
	if n, ok := decimal(text); ok && (datadog || rank == rankOther && len(text) != 16) { // Google's was one, too
		binary.BigEndian.PutUint64(id[:], n)
	} else if len(text) != 16 || !unhexAll(id[:], text) {
		return false
	}
	if id == [8]byte{} {
		return false
	}
	p.r.SpanID = id
	p.r.Flags |= record.HasSpan
	p.head.span = rank
	return true
}

// setFlags sets the trace flags from a number, or from whether it is sampled.
func (p *Parser) setFlags(text []byte) bool {
	switch n, ok := decimal(text); {
	case ok && n <= 255:
		p.r.TraceFlags = uint8(n)
	case string(text) == "true" || string(text) == "True":
		p.r.TraceFlags |= 1
	case string(text) != "false" && string(text) != "False":
		return false
	}
	return true
}

// unset reports whether text is an ID of zeros, which says that there is none.
func unset(text []byte) bool {
	for _, c := range text {
		if c != '0' {
			return false
		}
	}
	return true
}

// decimal parses an unsigned 64-bit number.
func decimal(text []byte) (n uint64, ok bool) {
	if len(text) == 0 || len(text) > 20 {
		return 0, false
	}
	for i, c := range text {
		d := uint64(c - '0')
		if d > 9 || i == 19 && (n > (1<<64-1)/10 || n == (1<<64-1)/10 && d > 5) {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// unhexAll decodes hexadecimal digits, two for each byte of dst.
func unhexAll(dst, digits []byte) bool {
	if len(digits) != 2*len(dst) {
		return false
	}
	good := uint64(highs)
	for len(digits) >= 8 && len(dst) >= 4 {
		w := binary.LittleEndian.Uint64(digits)
		good &= hexDigits(w)
		binary.LittleEndian.PutUint32(dst, unhex8(w))
		digits, dst = digits[8:], dst[4:]
	}
	if good != highs {
		return false
	}
	for i := range dst {
		h, l := unhex[digits[2*i]], unhex[digits[2*i+1]]
		if h|l > 15 {
			return false
		}
		dst[i] = h<<4 | l
	}
	return true
}

// hexDigits returns the high bit of each byte of w that is a hexadecimal digit.
func hexDigits(w uint64) uint64 {
	lower := w | ones*0x20
	digit := (w + ones*(0x80-'0')) &^ (w + ones*(0x80-'9'-1))
	letter := (lower + ones*(0x80-'a')) &^ (lower + ones*(0x80-'f'-1))
	return (digit | letter) &^ w & highs
}

// unhex8 returns the four bytes of eight digits.
func unhex8(w uint64) uint32 {
	n := w&(ones*0x0f) + w>>6&ones*9 // of each digit
	n = n<<4 | n>>8
	n &= 0x00ff00ff00ff00ff
	n = (n | n>>8) & 0x0000ffff0000ffff
	return uint32(n | n>>16)
}
