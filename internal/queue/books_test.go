package queue

import (
	"fmt"
	"testing"

	"shipper/internal/input"
)

func TestBooksAreSummed(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	appendN(t, q, 1, 10, 10)
	more := Append{Books: []input.Entry{
		{Input: "in", File: "f", Kind: input.Read, Bytes: 5},
		{Input: "in", File: "f", Kind: input.Lost, Reason: "truncated", Bytes: 5},
		{Input: "in", File: "f", Kind: input.Lost, Reason: "nothing"},
		{Input: "in\x00", File: "f", Kind: input.Read, Bytes: 1},
		{Input: "in", File: "\x00f", Kind: input.Read, Bytes: 2},
	}}
	if err := q.Append(t.Context(), []Append{more, more}); err != nil {
		t.Fatal(err)
	}
	kill(q)
	q = open(t, dir, Options{})
	got, err := q.Books()
	want := []input.Entry{
		{Input: "in", File: "f", Kind: input.Read, Bytes: 10010},
		{Input: "in", File: "f", Kind: input.Queued, Bytes: 9000, Count: 100},
		{Input: "in", File: "f", Kind: input.Dropped, Reason: "rule", Bytes: 1000, Count: 10},
		{Input: "in", File: "f", Kind: input.Lost, Reason: "truncated", Bytes: 10},
		{Input: "in", File: "\x00f", Kind: input.Read, Bytes: 4},
		{Input: "in\x00", File: "f", Kind: input.Read, Bytes: 2},
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("error %v\n got %v\nwant %v", err, got, want)
	}
	closeAndVerify(t, q)
}

func TestOldFilesAreFoldedIntoOneLine(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{MaxFiles: 20})
	add := func(q *Queue, i int) {
		e := func(kind input.EntryKind, n int64) input.Entry {
			return input.Entry{Input: fmt.Sprintf("in%d", i%2), File: fmt.Sprintf("f%d", i), Kind: kind, Bytes: n, Count: 1}
		}
		a := Append{Books: []input.Entry{e(input.Read, 100), e(input.Queued, 60), e(input.Lost, 40)}}
		if err := q.Append(t.Context(), []Append{a, a}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 200 {
		add(q, i)
		add(q, 0) // is never old
		if i == 100 {
			kill(q)
			q = open(t, dir, Options{MaxFiles: 20})
		}
	}
	got, err := q.Books()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]int64{}
	for _, e := range got {
		files[e.Input+" "+e.File] += e.Bytes
	}
	if len(files) > 22 || len(files) < 10 {
		t.Errorf("%d files", len(files))
	}
	if files["in0 f0"] != 400*201 || files["in1 f199"] != 400 || files["in1 f1"] != 0 {
		t.Errorf("files %v", files)
	}
	sums := sumBooks(got)
	checkBooks(t, sums)
	if sums["read"] != 400*200 || sums["lost"] != 400*80 || sums["read records"] != 800 {
		t.Errorf("books %v", sums)
	}
	closeAndVerify(t, q)
}
