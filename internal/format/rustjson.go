package format

import (
	"bytes"

	"shipper/internal/record"
)

// withSpans reports whether a format has tracing's spans: tracing-subscriber's
// and json-subscriber's JSON, and tracing-stackdriver's.
func withSpans(format uint8) bool {
	return format == record.FormatTracingJSON || format == record.FormatGCPJSON
}

// ofTracing reports whether events of the log crate have the place they come
// from under log.* keys in this format.
func ofTracing(format uint8) bool {
	return withSpans(format) || format == record.FormatTracingLogfmt
}

// rustDialect returns which of Rust's libraries wrote an object, 0 if none did.
func (p *Parser) rustDialect() uint8 {
	h := &p.head
	t := &h.taken
	first, second, third := h.first()
	switch {
	case h.flags&(fieldsObject|upperLevel) == fieldsObject|upperLevel:
		return record.FormatTracingJSON
	case t[roleLogger] == keyTarget && t[roleTime] == keyTimestamp && h.flags&upperLevel != 0:
		return record.FormatTracingJSON
	case first == keyTime && second == keyTarget && h.flags&upperLevel != 0: // tracing-stackdriver
		return record.FormatGCPJSON
	case first == keyTime && second == keyLevel && third == keyMessage && t[roleLogger] == keyTarget && h.flags&upperLevel != 0:
		return record.FormatLog4rsJSON
	case first == keyMsg && second == keyLevel && third == keyTs && h.flags&upperLevel != 0:
		return record.FormatSlogRsJSON
	}
	return 0
}

// settleRust does what only some of Rust's formats need once all fields are there.
func (p *Parser) settleRust(format uint8) {
	switch format {
	case record.FormatTracingJSON, record.FormatGCPJSON:
		p.settleSpans()
	case record.FormatTracingLogfmt:
		p.spanPath()
	case record.FormatSlogRsJSON:
		if string(p.b.Bytes(p.r.SeverityText)) == "CRIT" {
			p.r.Severity = 21 // slog's top
		}
	case record.FormatLog4rsJSON:
		fs := p.b.FieldsOf(p.r)
		for i := range fs {
			switch f := &fs[i]; {
			case f.Kind == record.String && string(p.b.Bytes(f.Key)) == "thread":
				f.Key = nameThread
			case f.Kind == record.Int && string(p.b.Bytes(f.Key)) == "thread_id":
				f.Key = nameThreadID
			}
		}
	case record.FormatBunyan:
		p.bunyanSpan()
	}
}

// spanPath makes tracing-logfmt's span and span_path the list of spans and the
// name of the innermost.
func (p *Parser) spanPath() {
	fs := p.b.FieldsOf(p.r)
	for i := range fs {
		f := &fs[i]
		if f.Kind != record.String || f.Val.Len == 0 {
			continue
		}
		switch string(p.b.Bytes(f.Key)) {
		case "span":
			f.Key = nameSpan
		case "span_path":
			at := len(p.b.Arena)
			for first, rest, more := true, p.b.Bytes(f.Val), true; more; first = false {
				var name []byte
				name, rest, more = bytes.Cut(rest, []byte(">"))
				p.openSpan(first, name)
				p.b.Arena = append(p.b.Arena, '}')
			}
			p.b.Arena = append(p.b.Arena, ']')
			*f = record.Field{Key: nameSpans, Val: record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}, Kind: record.JSON}
		}
	}
}

// bunyanSpan takes the span from in front of a message as
// tracing-bunyan-formatter (0.3) has it, "[REQUEST - EVENT] text". The start and
// the end of a span have no text but that.
func (p *Parser) bunyanSpan() {
	text := p.b.Bytes(p.r.Body)
	if len(text) < 8 || text[0] != '[' {
		return
	}
	end := bytes.IndexByte(text, ']')
	if end < 0 {
		return
	}
	sign := bytes.LastIndex(text[:end], []byte(" - "))
	if sign < 1 {
		return
	}
	switch string(text[sign+3 : end]) {
	case "START", "END":
		if end+1 != len(text) {
			return
		}
	case "EVENT":
		if end+1 < len(text) && text[end+1] != ' ' {
			return
		}
	default:
		return
	}
	name := record.Span{Off: p.r.Body.Off + 1, Len: uint32(sign - 1)}
	if n := uint32(min(end+2, len(text))); text[sign+3] == 'E' && text[sign+4] == 'V' {
		p.r.Body.Off += n
		p.r.Body.Len -= n
	}
	p.addText(nameSpan, name)
}
