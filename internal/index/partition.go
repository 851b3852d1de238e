package index

import (
	"slices"
	"time"

	"shipper/internal/record"
)

const (
	day = int64(24 * time.Hour)

	// future is how far ahead of the indexer's clock a record's time may be.
	future = int64(time.Hour)
	// past is how far behind it may be if records are kept for ever.
	past = 20 * 365 * day
)

// A record whose time is out of range would open a day of its own, never be
// dropped by retention, or be dropped at once. It is filed under the time the
// agent read it, or that of its arrival if that is no better, and keeps what
// it said as log.record.timestamp.
type timeRange struct{ from, to, arrival int64 }

// timesAt returns the range of times that records arriving at a time may have.
func (o *Options) timesAt(arrival int64) timeRange {
	arrival = max(0, arrival) // a clock before 1970 has no day to file under
	back := past
	if o.MaxAge > 0 {
		back = min(back, int64(o.MaxAge))
	}
	return timeRange{max(0, arrival-back), arrival + future, arrival}
}

func (t timeRange) has(at int64) bool { return t.from <= at && at <= t.to }

// clamp returns b if all its times are in range, or else a copy in which they are.
func (t timeRange) clamp(b *record.Batch) (*record.Batch, int) {
	n := 0
	for i := range b.Records {
		if !t.has(b.Records[i].Time) {
			n++
		}
	}
	if n == 0 {
		return b, 0
	}
	c := new(record.Batch)
	c.Reset(b.Stream, slices.Clip(b.Arena)) // what follows it is not ours
	name := record.Name("log.record.timestamp")
	for i := range b.Records {
		r := &b.Records[i]
		to := c.Begin()
		copyRecord(to, r)
		for _, f := range b.FieldsOf(r) {
			c.AddField(f)
		}
		if t.has(r.Time) {
			continue
		}
		c.AddField(record.Field{Key: name, Val: c.AddString(time.Unix(0, r.Time).UTC().Format(time.RFC3339Nano))})
		to = &c.Records[i]
		if to.Time = r.Observed; !t.has(to.Time) {
			to.Time = t.arrival
		}
		to.TimeSource = record.TimeRead
	}
	return c, n
}

// copyRecord copies all of a record but its fields.
func copyRecord(to, from *record.Record) {
	to.Time, to.Observed, to.Offset = from.Time, from.Observed, from.Offset
	to.Body, to.SeverityText, to.Logger = from.Body, from.SeverityText, from.Logger
	to.TraceID, to.SpanID, to.TraceFlags = from.TraceID, from.SpanID, from.TraceFlags
	to.Severity, to.TimeSource, to.Flags, to.Format = from.Severity, from.TimeSource, from.Flags, from.Format
}

// byDay calls add with the records of b of each day, or longer (see dayOf): b
// itself, as it most often is of one day, or copies of it with fewer records.
func byDay(b *record.Batch, arrival int64, add func(day uint32, b *record.Batch)) {
	if len(b.Records) == 0 {
		return
	}
	first := dayOf(b.Records[0].Time, arrival)
	same := true
	for i := range b.Records {
		if dayOf(b.Records[i].Time, arrival) != first {
			same = false
			break
		}
	}
	if same {
		add(first, b)
		return
	}
	parts := make(map[uint32][]record.Record)
	var days []uint32
	for i := range b.Records {
		d := dayOf(b.Records[i].Time, arrival)
		if parts[d] == nil {
			days = append(days, d)
		}
		parts[d] = append(parts[d], b.Records[i])
	}
	for _, d := range days {
		add(d, &record.Batch{Stream: b.Stream, Arena: b.Arena, Fields: b.Fields, Records: parts[d]})
	}
}

// Records that come so late are filed by month, and by year: logs of many years
// that are read at a time would make thousands of segments otherwise.
const (
	lateMonth = 35 * day
	lateYear  = 400 * day
)

// dayOf returns the UTC day under which a record is filed: that of its time, or
// the first one of its month or year.
func dayOf(at, arrival int64) uint32 {
	late := arrival - at
	if late < lateMonth {
		return uint32(at / day)
	}
	t := time.Unix(0, at).UTC()
	month := t.Month()
	if late >= lateYear {
		month = time.January
	}
	return uint32(time.Date(t.Year(), month, 1, 0, 0, 0, 0, time.UTC).Unix() / (day / 1e9))
}

// textSize returns the bytes of text in the records of a batch: bodies, keys,
// values, and 32 for the rest of each record.
func textSize(b *record.Batch) int64 {
	n := int64(32 * len(b.Records))
	for i := range b.Records {
		r := &b.Records[i]
		n += int64(r.Body.Len) + int64(r.Logger.Len) + int64(r.SeverityText.Len)
		for _, f := range b.FieldsOf(r) {
			n += int64(f.Key.Len) + 8
			if f.Kind == record.String || f.Kind == record.Number || f.Kind == record.JSON {
				n += int64(f.Val.Len)
			}
		}
	}
	return n
}
