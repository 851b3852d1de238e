package ndjson

import (
	"bytes"
	"strconv"
	"time"

	"shipper/internal/jsontext"
	"shipper/internal/record"
)

// AppendRecord appends r, a record of b, as one JSON object to dst: no newline
// within it and none behind it. It is valid JSON and valid UTF-8 whatever bytes
// the record has. It allocates nothing but room in dst, unless a record has
// more than 64 fields.
func AppendRecord(dst []byte, b *record.Batch, r *record.Record) []byte {
	dst = append(dst, `{"timestamp":"`...)
	dst = appendTime(dst, r.Time)
	dst = append(dst, '"')
	if name := record.SeverityName(r.Severity); name != "" {
		dst = append(dst, `,"severity":"`...)
		dst = append(dst, name...)
		dst = append(dst, `","severity_number":`...)
		dst = strconv.AppendUint(dst, uint64(r.Severity), 10)
	}
	if r.SeverityText.Len > 0 {
		dst = append(dst, `,"severity_text":`...)
		dst = jsontext.AppendString(dst, b.Bytes(r.SeverityText))
	}
	dst = append(dst, `,"message":`...)
	dst = jsontext.AppendString(dst, b.Bytes(r.Body))
	if r.Flags&record.HasTrace != 0 {
		dst = append(dst, `,"trace_id":"`...)
		dst = r.AppendTraceID(dst)
		dst = append(dst, '"')
		if r.TraceFlags != 0 {
			dst = append(dst, `,"trace_flags":`...)
			dst = strconv.AppendUint(dst, uint64(r.TraceFlags), 10)
		}
	}
	if r.Flags&record.HasSpan != 0 {
		dst = append(dst, `,"span_id":"`...)
		dst = r.AppendSpanID(dst)
		dst = append(dst, '"')
	}
	if r.Logger.Len > 0 {
		dst = append(dst, `,"logger":`...)
		dst = jsontext.AppendString(dst, b.Bytes(r.Logger))
	}
	dst = appendOrigin(dst, r)
	fields := b.FieldsOf(r)
	dst, resources, others := appendResources(dst, b, fields)
	if b.Stream != nil {
		dst = appendStream(dst, b, r, resources)
	}
	if others > 0 {
		dst = appendAttributes(dst, b, fields)
	}
	return append(dst, '}')
}

// appendOrigin appends how a record was read, where that is worth saying.
func appendOrigin(dst []byte, r *record.Record) []byte {
	if r.Observed != r.Time && r.Observed != 0 {
		dst = append(dst, `,"observed_timestamp":"`...)
		dst = appendTime(dst, r.Observed)
		dst = append(dst, '"')
	}
	if r.TimeSource != record.TimeLine {
		dst = append(dst, `,"timestamp_source":"`...)
		dst = append(dst, r.TimeSource.String()...)
		dst = append(dst, '"')
	}
	if r.Format != 0 {
		dst = append(dst, `,"log.format":"`...)
		dst = append(dst, record.FormatName(r.Format)...)
		dst = append(dst, '"')
	}
	if r.Flags&record.Truncated != 0 {
		dst = append(dst, `,"log.truncated":true`...)
	}
	if r.Flags&record.Partial != 0 {
		dst = append(dst, `,"log.partial":true`...)
	}
	if r.Flags&record.InvalidUTF8 != 0 {
		dst = append(dst, `,"log.invalid_utf8":true`...)
	}
	if r.Flags&record.TimedOut != 0 {
		dst = append(dst, `,"log.timed_out":true`...)
	}
	return dst
}

// appendResources appends those of the fields that are resource attributes, the
// last one of each. It returns their bits and the number of all other fields.
func appendResources(dst []byte, b *record.Batch, fields []record.Field) (out []byte, seen uint32, others int) {
	for i, f := range fields {
		key := b.Bytes(f.Key)
		bit := record.ResourceBit(key)
		if bit == 0 {
			others++
			continue
		}
		seen |= bit
		if !repeated(b, key, fields[i+1:]) {
			dst = append(dst, ',')
			dst = appendField(dst, b, f)
		}
	}
	return dst, seen, others
}

// appendStream appends the record's ID and the labels of its stream. Labels
// always follow the ID; Decode knows them by that.
func appendStream(dst []byte, b *record.Batch, r *record.Record, hidden uint32) []byte {
	if b.Stream.ID != "" {
		dst = append(dst, `,"id":"`...)
		dst = jsontext.AppendEscaped(dst, b.Stream.ID)
		dst = append(dst, '-')
		dst = strconv.AppendUint(dst, uint64(r.Offset), 16)
		dst = append(dst, '"')
	}
	for i := range b.Stream.Labels {
		l := &b.Stream.Labels[i]
		if record.ResourceBit(l.Name)&hidden != 0 {
			continue
		}
		dst = append(dst, ',', '"')
		if memberOf(l.Name) != noMember {
			dst = append(dst, "label."...)
		}
		dst = jsontext.AppendEscaped(dst, l.Name)
		dst = append(dst, '"', ':')
		dst = jsontext.AppendString(dst, l.Value)
	}
	return dst
}

// manyFields is the number of fields from which keys are compared by a map.
const manyFields = 64

func appendAttributes(dst []byte, b *record.Batch, fields []record.Field) []byte {
	var last map[string]int
	if len(fields) > manyFields {
		last = make(map[string]int, len(fields))
		for i, f := range fields {
			last[string(b.Bytes(f.Key))] = i
		}
	}
	dst = append(dst, `,"attributes":{`...)
	start := len(dst)
	for i, f := range fields {
		key := b.Bytes(f.Key)
		if record.ResourceBit(key) != 0 {
			continue
		}
		if last != nil && last[string(key)] != i || last == nil && repeated(b, key, fields[i+1:]) {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = appendField(dst, b, f)
	}
	return append(dst, '}')
}

// repeated reports whether a later field has the key, too.
func repeated(b *record.Batch, key []byte, later []record.Field) bool {
	for i := range later {
		if k := later[i].Key; int(k.Len) == len(key) && bytes.Equal(b.Bytes(k), key) {
			return true
		}
	}
	return false
}

func appendField(dst []byte, b *record.Batch, f record.Field) []byte {
	dst = jsontext.AppendString(dst, b.Bytes(f.Key))
	dst = append(dst, ':')
	switch f.Kind {
	case record.Int:
		return strconv.AppendInt(dst, f.Int(), 10)
	case record.Bool:
		return strconv.AppendBool(dst, f.Bool())
	case record.Null:
		return append(dst, "null"...)
	case record.Number:
		if text := b.Bytes(f.Val); jsontext.IsNumber(text) {
			return append(dst, text...)
		}
	case record.JSON:
		text := b.Bytes(f.Val)
		if out, ok := jsontext.AppendCompact(dst, text); ok {
			return out
		}
	}
	return jsontext.AppendString(dst, b.Bytes(f.Val))
}

// appendTime appends ns since the Unix epoch as RFC 3339 in UTC with nine
// digits of the second: every int64 is in the years 1677 to 2262.
func appendTime(dst []byte, ns int64) []byte {
	sec, frac := ns/int64(time.Second), ns%int64(time.Second)
	if frac < 0 {
		sec, frac = sec-1, frac+int64(time.Second)
	}
	days, rest := sec/86400, sec%86400
	if rest < 0 {
		days, rest = days-1, rest+86400
	}
	y, m, d := date(days)
	var p [30]byte
	digits2(p[0:], uint(y/100))
	digits2(p[2:], uint(y%100))
	p[4] = '-'
	digits2(p[5:], uint(m))
	p[7] = '-'
	digits2(p[8:], uint(d))
	p[10] = 'T'
	digits2(p[11:], uint(rest/3600))
	p[13] = ':'
	digits2(p[14:], uint(rest/60%60))
	p[16] = ':'
	digits2(p[17:], uint(rest%60))
	p[19] = '.'
	f := uint(frac)
	digits2(p[27:], f%100)
	digits2(p[25:], f/100%100)
	digits2(p[23:], f/10000%100)
	digits2(p[21:], f/1000000%100)
	p[20] = '0' + byte(f/100000000)
	p[29] = 'Z'
	return append(dst, p[:]...)
}

func digits2(p []byte, n uint) {
	_ = p[1]
	p[0], p[1] = '0'+byte(n/10), '0'+byte(n%10)
}

// date returns the date of a day since 1970-01-01, in the proleptic Gregorian
// calendar (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
func date(days int64) (y, m, d int64) {
	days += 719468 // from 0000-03-01, and positive for every year there can be
	era := days / 146097
	doe := days % 146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	y = yoe + era*400
	if m > 12 {
		m, y = m-12, y+1
	}
	return y, m, d
}
