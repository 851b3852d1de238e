package agent

import (
	"cmp"
	"slices"

	"shipper/internal/input"
)

// Account is what became of the bytes of one file, or of all.
type Account struct {
	Read    int64            `json:"read"`
	Queued  int64            `json:"queued"`
	Dropped int64            `json:"dropped"`
	Lost    int64            `json:"lost"`
	Records int64            `json:"records"`              // queued
	DropBy  map[string]int64 `json:"dropped_by,omitempty"` // bytes by rule
	LostBy  map[string]int64 `json:"lost_by,omitempty"`    // bytes by cause
}

// FileAccount is the account of one file of one input.
type FileAccount struct {
	Input string `json:"input"`
	File  string `json:"file"`
	Account
}

// Books are all accounts: for each, read = queued + dropped + lost.
type Books struct {
	Total Account       `json:"total"`
	Files []FileAccount `json:"files"`
}

func (a *Account) add(e input.Entry) {
	switch e.Kind {
	case input.Read:
		a.Read += e.Bytes
	case input.Queued:
		a.Queued += e.Bytes
		a.Records += e.Count
	case input.Dropped:
		a.Dropped += e.Bytes
		a.DropBy = addReason(a.DropBy, e)
	case input.Lost:
		a.Lost += e.Bytes
		a.LostBy = addReason(a.LostBy, e)
	}
}

func addReason(m map[string]int64, e input.Entry) map[string]int64 {
	if m == nil {
		m = map[string]int64{}
	}
	m[e.Reason] += e.Bytes
	return m
}

// MakeBooks sums the entries up by input and file.
func MakeBooks(entries []input.Entry) Books {
	type key struct{ input, file string }
	at := map[key]int{}
	b := Books{Files: []FileAccount{}}
	for _, e := range entries {
		k := key{e.Input, e.File}
		i, ok := at[k]
		if !ok {
			i = len(b.Files)
			at[k] = i
			b.Files = append(b.Files, FileAccount{Input: e.Input, File: e.File})
		}
		b.Files[i].add(e)
		b.Total.add(e)
	}
	slices.SortFunc(b.Files, func(x, y FileAccount) int {
		return cmp.Or(cmp.Compare(x.Input, y.Input), cmp.Compare(x.File, y.File))
	})
	return b
}
