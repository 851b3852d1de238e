package agent

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shipper/internal/block"
	"shipper/internal/format"
	"shipper/internal/input"
	"shipper/internal/pipeline"
	"shipper/internal/queue"
	"shipper/internal/record"
)

func newPacker(p *pipeline.Pipeline) *packer {
	rules := &atomic.Pointer[pipeline.Pipeline]{}
	rules.Store(p)
	return &packer{rules: rules, parser: format.New(format.Options{}), encoder: block.NewEncoder(), buffers: &buffers{}, stats: &Stats{}}
}

// chunkOf makes a chunk of lines of a file.
func chunkOf(file string, lines ...string) input.Chunk {
	c := input.Chunk{Stream: &record.Stream{ID: file}, Hint: &input.Hint{}, Read: 1, Input: "in/" + file, Pos: []byte("pos " + file)}
	for _, l := range lines {
		c.Data = append(append(c.Data, l...), '\n')
		c.Ends = append(c.Ends, int32(len(c.Data)))
	}
	c.Books = []input.Entry{{Input: "in", File: file, Kind: input.Read, Bytes: int64(len(c.Data))}}
	return c
}

// bodies reads a block back.
func bodies(t *testing.T, b *queue.Block) (all []string) {
	t.Helper()
	n := 0
	err := block.NewDecoder(1<<20).Decode(b.Payload, func(b *record.Batch) error {
		for i := range b.Records {
			all = append(all, b.Stream.ID+": "+string(b.Bytes(b.Records[i].Body)))
			n++
		}
		return nil
	})
	if err != nil || n != b.Records {
		t.Fatalf("%d records instead of %d, error %v", n, b.Records, err)
	}
	return all
}

// checkBooks wants read = queued + dropped for each file, and blocks whose
// records are the queued ones.
func checkBooks(t *testing.T, appends []queue.Append) {
	t.Helper()
	sums := map[string]int64{}
	for _, a := range appends {
		records := int64(0)
		for _, e := range a.Books {
			if e.Kind == input.Read {
				sums[e.File] += e.Bytes
			} else {
				sums[e.File] -= e.Bytes
			}
			if e.Kind == input.Queued {
				records += e.Count
			}
		}
		if a.Block != nil && records != int64(a.Block.Records) || a.Block == nil && records != 0 {
			t.Errorf("the books have %d records of a block", records)
		}
	}
	for file, n := range sums {
		if n != 0 {
			t.Errorf("the books of %s are off by %d bytes", file, n)
		}
	}
}

func TestPackByRoute(t *testing.T) {
	rules, err := pipeline.New(pipeline.Config{
		Outputs: []pipeline.Output{{Name: "archive", Default: true}, {Name: "loki"}},
		Rules: []pipeline.Rule{
			{Name: "debug", Match: `{level="debug"}`, Drop: true},
			{Name: "errors", Match: `{level="error"}`, To: []string{pipeline.All}},
			{Name: "payments", Match: `{} |= "paid"`, To: []string{"loki"}},
		},
		Redact: []pipeline.Redaction{{Detect: []string{pipeline.All}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := newPacker(rules)
	for round := range 3 { // memory is used again
		out := p.pack([]input.Chunk{
			chunkOf("f", `{"level":"debug","msg":"d1"}`, `{"level":"info","msg":"paid 1"}`, `{"level":"info","msg":"i1"}`, `{"level":"debug","msg":"d2"}`),
			chunkOf("g", `{"level":"error","msg":"e1 a@b.io"}`, `{"level":"info","msg":"i2"}`, `{"level":"info","msg":"paid 2"}`),
			chunkOf("h", `{"level":"debug","msg":"d3"}`),
			{Input: "in/i", Pos: []byte("x")},
		})
		checkBooks(t, out.appends)
		got := map[string][]string{}
		for _, a := range out.appends {
			got[strings.Join(a.Block.To, "+")] = bodies(t, a.Block)
		}
		want := map[string][]string{
			"":             {"f: i1", "g: i2"},
			"loki":         {"f: paid 1", "g: paid 2"},
			"archive+loki": {"g: e1 ******"},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("round %d: got %q", round, got)
		}
		var positions []string
		dropped := map[string]int64{}
		for i, a := range out.appends {
			for _, pos := range a.Positions {
				positions = append(positions, fmt.Sprintf("%d %s=%s", i, pos.Key, pos.Value))
			}
			for _, e := range a.Books {
				if e.Kind == input.Dropped {
					dropped[e.File+" "+e.Reason] += e.Count
				}
			}
		}
		if want := []string{"0 in/f=pos f", "0 in/g=pos g", "0 in/h=pos h", "0 in/i=x"}; !slices.Equal(positions, want) {
			t.Errorf("positions %q", positions)
		}
		if want := map[string]int64{"f rule:debug": 2, "h rule:debug": 1}; !reflect.DeepEqual(dropped, want) {
			t.Errorf("dropped %v", dropped)
		}
	}
	out := p.pack([]input.Chunk{chunkOf("f", `{"level":"debug","msg":"d1"}`)})
	checkBooks(t, out.appends)
	if len(out.appends) != 1 || out.appends[0].Block != nil || len(out.appends[0].Positions) != 1 {
		t.Errorf("nothing but dropped records became %+v", out.appends)
	}
}

func TestPackWithoutRules(t *testing.T) {
	p := newPacker(nil)
	out := p.pack([]input.Chunk{chunkOf("f", "a", "b"), {Input: "in/i", Pos: []byte("x")}, chunkOf("g", "c")})
	checkBooks(t, out.appends)
	if len(out.appends) != 1 || out.appends[0].Block.To != nil || len(out.appends[0].Positions) != 3 {
		t.Fatalf("got %+v", out.appends)
	}
	if got := bodies(t, out.appends[0].Block); !slices.Equal(got, []string{"f: a", "f: b", "g: c"}) {
		t.Errorf("got %q", got)
	}
}

// TestNewRulesAreTakenUp: with the next chunk.
func TestNewRulesAreTakenUp(t *testing.T) {
	p := newPacker(nil)
	f := func(want int) {
		t.Helper()
		n := 0
		for _, a := range p.pack([]input.Chunk{chunkOf("f", "a", "b")}).appends {
			if a.Block != nil {
				n += a.Block.Records
			}
		}
		if n != want {
			t.Errorf("%d records, want %d", n, want)
		}
	}
	f(2)
	rules, err := pipeline.New(pipeline.Config{Rules: []pipeline.Rule{{Name: "a", Match: `{} |= "a"`, Drop: true}}})
	if err != nil {
		t.Fatal(err)
	}
	p.rules.Store(rules)
	f(1)
	p.rules.Store(nil)
	f(2)
}

// TestPackedSecrets: what is dead to the records is not in the block either.
func TestPackedSecrets(t *testing.T) {
	rules, err := pipeline.New(pipeline.Config{Redact: []pipeline.Redaction{{Detect: []string{pipeline.All}}}})
	if err != nil {
		t.Fatal(err)
	}
	out := newPacker(rules).pack([]input.Chunk{chunkOf("f", `{"level":"info","msg":"a \"quoted\" password=hunter2","card":"4111111111111111","password":"x\ny\tz"}`)})
	raw := []byte(nil)
	if err := block.NewDecoder(1<<20).Decode(out.appends[0].Block.Payload, func(b *record.Batch) error {
		raw = append(raw, b.Arena...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"hunter2", "4111111111111111", "x\ny\tz", `x\ny`} {
		if bytes.Contains(raw, []byte(s)) {
			t.Errorf("%q is in the block", s)
		}
	}
}

// TestZonesOfInputs wants the zone of a time without one to be its input's.
func TestZonesOfInputs(t *testing.T) {
	p := newPacker(nil)
	p.parser = format.New(format.Options{Zone: time.UTC})
	for _, zone := range []struct{ name, want string }{{"Europe/Berlin", "10:00:00 08:30:00"}, {"America/New_York", "16:00:00 14:30:00"}, {"", "11:00:00 10:30:00"}, {"Europe/Berlin", "10:00:00 08:30:00"}} {
		c := chunkOf("k", "2026/01/23 11:00:00 a winter's day", "2026/07/23 10:30:00 a summer's day", "2026-07-23T10:30:00-01:00 it says where")
		if zone.name != "" {
			var err error
			if c.Zone, err = time.LoadLocation(zone.name); err != nil {
				t.Fatal(err)
			}
		}
		b := new(record.Batch)
		p.parse(b, c)
		var got []string
		for i := range b.Records {
			got = append(got, time.Unix(0, b.Records[i].Time).UTC().Format(time.TimeOnly))
		}
		if want := zone.want + " 11:30:00"; strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", zone.name, got, want)
		}
	}
}

// TestYearsOfAFile wants the year of a time without one from when the file was
// changed last, that of the container's or syslog's line, too.
func TestYearsOfAFile(t *testing.T) {
	p := newPacker(nil)
	p.parser = format.New(format.Options{Zone: time.UTC})
	c := chunkOf("k", "I1231 23:59:58.000000 1 a.go:1] old", "I0101 00:00:02.000000 1 a.go:1] new",
		"Dec 31 23:59:59 web7 app[7]: bye", "Jan  1 00:00:03 web7 app[7]: hello")
	c.Modified = time.Date(2024, 1, 1, 0, 0, 4, 0, time.UTC).UnixNano()
	c.Read = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	b := new(record.Batch)
	p.parse(b, c)
	var got []string
	for i := range b.Records {
		got = append(got, time.Unix(0, b.Records[i].Time).UTC().Format(time.DateTime))
	}
	if want := []string{"2023-12-31 23:59:58", "2024-01-01 00:00:02", "2023-12-31 23:59:59", "2024-01-01 00:00:03"}; !slices.Equal(got, want) {
		t.Errorf("times %q, want %q", got, want)
	}
}
