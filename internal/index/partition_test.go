package index

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"shipper/internal/record"
)

func TestTimesAt(t *testing.T) {
	arrival := int64(1_790_000_000) * 1e9
	f := func(age time.Duration, at int64, want bool) {
		t.Helper()
		o := Options{MaxAge: age}
		if got := o.timesAt(arrival).has(at); got != want {
			t.Errorf("age %v: time %d in range is %v, want %v", age, at, got, want)
		}
	}
	f(0, arrival, true)
	f(0, arrival+future, true)
	f(0, arrival+future+1, false)
	f(0, arrival-past, true)
	f(0, arrival-past-1, false)
	f(0, 0, false)
	f(0, math.MinInt64, false)
	f(0, math.MaxInt64, false)
	f(day1, arrival-day, true)
	f(day1, arrival-day-1, false)
	f(math.MaxInt64, arrival-past-1, false)
}

const day1 = 24 * time.Hour

func TestClamp(t *testing.T) {
	now := int64(1_790_000_000) * 1e9
	in := timeRange{now - day, now + future, now}
	raw := []byte("xbody one")
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "s"}, raw[:5:9]) // bytes behind the arena that belong to others
	add := func(at, observed int64) {
		r := b.Begin()
		r.Time, r.Observed, r.TimeSource = at, observed, record.TimeLine
		r.Body = record.Span{Off: 1, Len: 4}
		b.AddField(record.IntField(record.Name("process.pid"), at))
	}
	add(now, now)
	if got, n := in.clamp(b); got != b || n != 0 {
		t.Fatalf("a batch in range is copied, %d records clamped", n)
	}
	add(now+day, now-1)
	add(5, now+10*day)
	add(now-5, now)
	got, n := in.clamp(b)
	if n != 2 {
		t.Fatalf("%d records clamped, want 2", n)
	}
	var times []int64
	var said []string
	for i := range got.Records {
		r := &got.Records[i]
		times = append(times, r.Time)
		f, ok := got.Lookup(r, "log.record.timestamp")
		if !ok {
			said = append(said, "")
		} else {
			said = append(said, string(got.Text(nil, f)))
		}
		pid, _ := got.Lookup(r, "process.pid")
		if pid.Int() != b.Records[i].Time || string(got.Bytes(r.Body)) != "body" {
			t.Errorf("record %d: pid %d, body %q", i, pid.Int(), got.Bytes(r.Body))
		}
	}
	if want := []int64{now, now - 1, now, now - 5}; !slices.Equal(times, want) {
		t.Errorf("times %d, want %d", times, want)
	}
	if want := []string{"", "2026-09-22T14:13:20Z", "1970-01-01T00:00:00.000000005Z", ""}; !slices.Equal(said, want) {
		t.Errorf("originals %q, want %q", said, want)
	}
	if got.Records[1].TimeSource != record.TimeRead || got.Records[0].TimeSource != record.TimeLine {
		t.Error("the time source does not follow the time")
	}
	if !bytes.Equal(raw, []byte("xbody one")) {
		t.Errorf("bytes behind the arena became %q", raw)
	}
}

// TestCopyRecord fails when Record gets a member that copyRecord does not know.
func TestCopyRecord(t *testing.T) {
	var from record.Record
	v := reflect.ValueOf(&from).Elem()
	for i := range v.NumField() {
		if !v.Type().Field(i).IsExported() {
			continue
		}
		fill(v.Field(i))
	}
	var to record.Record
	copyRecord(&to, &from)
	if !reflect.DeepEqual(to, from) {
		t.Errorf("got %+v, want %+v", to, from)
	}
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Int64:
		v.SetInt(7)
	default:
		v.SetUint(7)
	}
}

func TestByDay(t *testing.T) {
	b := new(record.Batch)
	b.Reset(&record.Stream{ID: "s"}, nil)
	f := func(times []int64, want map[uint32][]int64) {
		t.Helper()
		b.Reset(b.Stream, nil)
		for _, at := range times {
			b.Begin().Time = at
			b.AddField(record.IntField(record.Name("process.pid"), at))
		}
		got := map[uint32][]int64{}
		byDay(b, 10*day, func(d uint32, p *record.Batch) {
			if got[d] != nil {
				t.Errorf("day %d comes twice", d)
			}
			for i := range p.Records {
				pid, _ := p.Lookup(&p.Records[i], "process.pid")
				if pid.Int() != p.Records[i].Time {
					t.Errorf("record of %d has the fields of %d", p.Records[i].Time, pid.Int())
				}
				got[d] = append(got[d], p.Records[i].Time)
			}
		})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d: got %v, want %v", times, got, want)
		}
	}
	f(nil, map[uint32][]int64{})
	f([]int64{0, day - 1}, map[uint32][]int64{0: {0, day - 1}})
	f([]int64{day, day - 1, day + 1, 5, 3 * day}, map[uint32][]int64{0: {day - 1, 5}, 1: {day, day + 1}, 3: {3 * day}})
}

func TestDayOf(t *testing.T) {
	arrival := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for at, want := range map[string]string{
		"2026-11-23T13:00:00Z": "2026-11-23", "2026-11-23T00:00:00Z": "2026-11-23", "2026-11-22T23:59:59Z": "2026-11-22",
		"2026-10-19T12:00:01Z": "2026-10-19", "2026-10-19T12:00:00Z": "2026-10-01", "2026-10-01T00:00:00Z": "2026-10-01",
		"2026-09-30T23:59:59Z": "2026-09-01", "2025-10-20T00:00:00Z": "2025-10-01", "2025-10-19T12:00:01Z": "2025-10-01",
		"2025-10-19T12:00:00Z": "2025-01-01", "2024-12-31T23:59:59Z": "2024-01-01", "1970-02-03T00:00:00Z": "1970-01-01",
	} {
		t0, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := dayName(dayOf(t0.UnixNano(), arrival.UnixNano())); got != want {
			t.Errorf("%s is filed under %s, want %s", at, got, want)
		}
	}
	days := make(map[uint32]bool)
	for at := arrival.Add(time.Hour); arrival.Sub(at) < time.Duration(past); at = at.Add(-12 * time.Hour) {
		days[dayOf(at.UnixNano(), arrival.UnixNano())] = true
	}
	if len(days) > maxDays*3/4 {
		t.Errorf("twenty years are %d segments", len(days))
	}
}

// TestPartsAndCells has records whose names are all their own, with few and with
// many records beside them: no block has many more cells than it may.
func TestPartsAndCells(t *testing.T) {
	var pool sync.Pool
	g := newGeneration(1, nil, &pool)
	b := new(record.Batch)
	rows := 0
	add := func(records, fields int, own bool) {
		b.Reset(&record.Stream{ID: "s"}, nil)
		for i := range records {
			b.Begin().Time = int64(rows + i)
			for j := range fields {
				name := fmt.Sprint("f", j)
				if own {
					name = fmt.Sprint("f", rows+i, "x", j)
				}
				b.AddField(record.IntField(b.AddString(name), 1))
			}
		}
		rows += records
		g.add(b, 0)
	}
	add(20_000, 0, false)
	add(20_000, 1, true)
	add(3, 16_000, true)
	add(100_000, 0, false)
	add(500, 20, true)
	add(100_000, 0, false)
	g.finish()
	got := 0
	for _, d := range g.days {
		for _, p := range d.pieces {
			n, columns := p.rows.Rows(), p.rows.Columns()
			got += n
			if n > 1 && n*columns > 2*maxCells {
				t.Errorf("a block of %d records has %d columns", n, columns)
			}
		}
		t.Logf("%d blocks", len(d.pieces))
	}
	if got != rows {
		t.Errorf("%d records of %d", got, rows)
	}
}
