package format

import (
	"unicode/utf8"

	"shipper/internal/record"
)

// rescue makes what a parser panicked at a record of format text, behind the
// first n of b: a line that ends the process would end it again after each
// start, since it is read again then.
func (p *Parser) rescue(n int, b *record.Batch, lo, hi int, observed int64) {
	v := recover()
	if v == nil {
		return
	}
	p.failed(v)
	for len(b.Records) > n {
		b.Undo()
	}
	p.b = b
	p.begin(observed)
	lo, hi = trim(b.Arena, lo, hi)
	if text := b.Arena[lo:hi]; !utf8.Valid(text) {
		lo = len(b.Arena)
		b.Arena = appendValid(b.Arena, text)
		hi = len(b.Arena)
		p.r.Flags |= record.InvalidUTF8
	}
	p.r.Body = record.Span{Off: uint32(lo), Len: uint32(hi - lo)}
	p.b, p.r, p.src, p.raw = nil, nil, nil, nil
}
