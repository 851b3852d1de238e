package agent

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shipper/internal/block"
	"shipper/internal/config"
	"shipper/internal/queue"
	"shipper/internal/record"
)

// TestHeadersAgain: what is read after a 401 has all that was there at first,
// and the new credentials.
func TestHeadersAgain(t *testing.T) {
	auth := config.Auth{Bearer: "old"}
	headers := map[string]string{"X-Team": "b"}
	f := func(o config.Output, want http.Header) {
		t.Helper()
		o.Name, o.Auth, o.Proxy = "out", auth, config.Off
		now := o
		now.Auth.Bearer = "new"
		a := &Agent{Log: slog.New(slog.DiscardHandler), Load: func() (*config.Config, error) {
			return &config.Config{Outputs: []config.Output{now}}, nil
		}}
		out, err := a.makeOutput(o)
		if err != nil {
			t.Fatal(err)
		}
		if want.Set("Authorization", "Bearer old"); !reflect.DeepEqual(out.Headers, want) {
			t.Errorf("headers %v, want %v", out.Headers, want)
		}
		got, err := out.Reload()
		if want.Set("Authorization", "Bearer new"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("headers %v, error %v, want %v", got, err, want)
		}
	}
	const url = "http://127.0.0.1"
	f(config.Output{Native: &config.Native{URL: url, Headers: headers}}, http.Header{"X-Team": {"b"}})
	f(config.Output{HTTP: &config.HTTP{URL: url, Headers: headers, Compression: "none"}}, http.Header{"X-Team": {"b"}})
	f(config.Output{OTLP: &config.OTLP{URL: url, Headers: headers, Compression: "none"}}, http.Header{"X-Team": {"b"}})
	f(config.Output{Loki: &config.Loki{URL: url, Headers: headers, Tenant: "a"}}, http.Header{"X-Team": {"b"}, "X-Scope-Orgid": {"a"}})
}

// blocks is a queue in memory with some blocks of one record.
type blocks struct {
	n, next uint64
	payload []byte
	done    context.CancelFunc // called when all are acked
}

// Next is deliver.Source's.
func (b *blocks) Next(ctx context.Context, _ int, dst []queue.Block) ([]queue.Block, error) {
	if b.next == b.n {
		<-ctx.Done()
		return dst, ctx.Err()
	}
	b.next++
	return append(dst, queue.Block{Epoch: 1, Sequence: b.next, Records: 1, Raw: 1, Payload: b.payload}), nil
}

// Ack is deliver.Source's.
func (b *blocks) Ack(through queue.ID) error {
	if through.Sequence == b.n {
		b.done()
	}
	return nil
}

// DeadLetter is deliver.Source's.
func (b *blocks) DeadLetter(queue.Block, string) error { return errors.New("a dead letter") }

// roundTrip is an http.RoundTripper.
type roundTrip func(*http.Request) *http.Response

// RoundTrip is http.RoundTripper's.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// TestLokiGetsBlocksInOrder: a block that has to be sent again is not overtaken,
// since Loki refuses what is far behind the newest of its stream.
func TestLokiGetsBlocksInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &Agent{Log: slog.New(slog.DiscardHandler)}
		o, err := a.makeOutput(config.Output{Name: "loki", Proxy: config.Off, Loki: &config.Loki{URL: "http://127.0.0.1"}})
		if err != nil {
			t.Fatal(err)
		}
		batch := new(record.Batch)
		batch.Reset(&record.Stream{ID: "s"}, nil)
		batch.Begin()
		payload, _ := block.NewEncoder().Append(nil, []*record.Batch{batch})
		ctx, done := context.WithCancel(t.Context())
		o.Agent, o.Source = strings.Repeat("0", 32), &blocks{n: 200, payload: payload, done: done}
		var mu sync.Mutex
		var stored []string
		random := rand.New(rand.NewPCG(1, 2))
		o.Client = &http.Client{Transport: roundTrip(func(r *http.Request) *http.Response {
			io.Copy(io.Discard, r.Body)
			mu.Lock()
			takes, fails := time.Duration(random.IntN(20))*time.Millisecond, random.IntN(20) == 0
			mu.Unlock()
			time.Sleep(takes) // in a bubble
			if fails {
				return &http.Response{StatusCode: 503, Body: http.NoBody}
			}
			mu.Lock()
			defer mu.Unlock()
			_, sequence, _ := strings.Cut(r.Header.Get("Idempotency-Key"), "-1-")
			stored = append(stored, sequence)
			return &http.Response{StatusCode: 204, Body: http.NoBody}
		})}
		if err := o.Run(ctx); err != nil {
			t.Fatal(err)
		}
		for i, sequence := range stored {
			if sequence != strconv.Itoa(i+1) {
				t.Fatalf("stored in the order %v", stored)
			}
		}
		if len(stored) != 200 {
			t.Errorf("%d blocks stored", len(stored))
		}
	})
}
