package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// program imitates one program that logs: its file, its pace and its lines.
type program struct {
	file  string
	every time.Duration // mean time between lines
	lines func(r *rand.Rand, now time.Time) string
}

// programs returns the demo's cast.
func programs() []program {
	return []program{
		{"payments.log", 600 * time.Millisecond, zap},
		{"orders.log", 900 * time.Millisecond, slogText},
		{"operator.log", 1300 * time.Millisecond, klog},
		{"legacy.log", 2 * time.Second, stdLog},
		{"gateway.log", 800 * time.Millisecond, tracing},
		{"resizer.log", 1500 * time.Millisecond, envLogger},
	}
}

func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

func trace(r *rand.Rand) string { return fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64()) }

// zap imitates go.uber.org/zap's production encoder.
func zap(r *rand.Rand, now time.Time) string {
	ts := float64(now.UnixMicro()) / 1e6
	id, amount, took := r.IntN(90000)+10000, r.IntN(50000), r.Float64()*0.4
	const service = `"service":"payments","version":"2.4.1"`
	switch n := r.IntN(40); {
	case n == 0:
		return goPanic(r)
	case n < 4:
		return fmt.Sprintf(`{"level":"error","ts":%.6f,"caller":"charge/charge.go:118","msg":"charge failed: timeout",%s,"order_id":%d,"trace_id":"%s","error":"post /v1/charges: timeout awaiting response headers","stacktrace":"payments/charge.(*Service).Charge\n\t/src/charge/charge.go:118\npayments/http.(*Handler).Pay\n\t/src/http/pay.go:57"}`+"\n",
			ts, service, id, trace(r))
	case n < 8:
		return fmt.Sprintf(`{"level":"warn","ts":%.6f,"caller":"charge/retry.go:41","msg":"retrying charge after a timeout",%s,"order_id":%d,"attempt":%d,"trace_id":"%s"}`+"\n",
			ts, service, id, r.IntN(3)+1, trace(r))
	}
	return fmt.Sprintf(`{"level":"info","ts":%.6f,"caller":"http/pay.go:63","msg":"payment accepted",%s,"order_id":%d,"amount":%d.%02d,"currency":"%s","latency":%.6f,"status":200,"trace_id":"%s"}`+"\n",
		ts, service, id, amount/100, amount%100, pick(r, "EUR", "USD", "GBP"), took, trace(r))
}

// slogText imitates log/slog's TextHandler.
func slogText(r *rand.Rand, now time.Time) string {
	ts := now.Format("2006-01-02T15:04:05.000Z07:00")
	id := r.IntN(90000) + 10000
	switch n := r.IntN(20); {
	case n == 0:
		return fmt.Sprintf("time=%s level=ERROR msg=\"cannot store order\" service=orders order_id=%d err=\"pq: deadlock detected\"\n", ts, id)
	case n < 4:
		return fmt.Sprintf("time=%s level=WARN msg=\"stock is low\" service=orders sku=%s-%d left=%d\n", ts, pick(r, "mug", "lamp", "chair"), r.IntN(100), r.IntN(5))
	}
	return fmt.Sprintf("time=%s level=INFO msg=\"order %s\" service=orders order_id=%d items=%d took=%s\n",
		ts, pick(r, "created", "paid", "packed", "sent"), id, r.IntN(9)+1, time.Duration(r.IntN(80_000_000)).Round(time.Microsecond))
}

// klog imitates k8s.io/klog/v2.
func klog(r *rand.Rand, now time.Time) string {
	ts := now.Format("0102 15:04:05.000000")
	pod := fmt.Sprintf("%s/web-%d", pick(r, "default", "shop", "kube-system"), r.IntN(20))
	switch n := r.IntN(12); {
	case n == 0:
		return fmt.Sprintf("E%s   %d reconciler.go:214] \"Unable to sync pod\" err=\"dial tcp 10.0.0.7:5432: connect: connection refused\" pod=%q\n", ts, 1705, pod)
	case n == 1:
		return fmt.Sprintf("W%s   %d watch.go:88] watch of *v1.Secret ended with: too old resource version: %d\n", ts, 1705, r.IntN(100000))
	}
	return fmt.Sprintf("I%s   %d reconciler.go:187] \"Pod status updated\" pod=%q status=%q took=\"%dms\"\n", ts, 1705, pod, pick(r, "ready", "pending"), r.IntN(90))
}

// stdLog imitates package log with its standard flags.
func stdLog(r *rand.Rand, now time.Time) string {
	ts := now.Format("2006/01/02 15:04:05")
	if r.IntN(10) == 0 {
		return ts + " http: TLS handshake error from 192.0.2.7:51234: EOF\n"
	}
	return fmt.Sprintf("%s exported %d rows to report-%d.csv\n", ts, r.IntN(5000), r.IntN(100))
}

// tracing imitates tracing-subscriber's full format without colours.
func tracing(r *rand.Rand, now time.Time) string {
	ts := now.UTC().Format("2006-01-02T15:04:05.000000Z")
	span := fmt.Sprintf("request{method=%s path=\"/api/%s\" trace_id=%s}", pick(r, "GET", "GET", "POST"), pick(r, "cart", "search", "pay"), trace(r))
	switch n := r.IntN(40); {
	case n == 0:
		return rustPanic(r)
	case n < 4:
		return fmt.Sprintf("%s ERROR %s: gateway::proxy: upstream failed error=connection reset by peer upstream=\"10.0.0.%d:8080\"\n", ts, span, r.IntN(9)+1)
	case n < 8:
		return fmt.Sprintf("%s  WARN %s: gateway::limit: slow upstream elapsed_ms=%d\n", ts, span, 500+r.IntN(2000))
	}
	return fmt.Sprintf("%s  INFO %s: gateway::access: finished status=%s bytes=%d elapsed_ms=%d\n", ts, span, pick(r, "200", "200", "201", "404"), r.IntN(40000), r.IntN(120))
}

// envLogger imitates env_logger's default format.
func envLogger(r *rand.Rand, now time.Time) string {
	ts := now.UTC().Format("2006-01-02T15:04:05Z")
	if r.IntN(15) == 0 {
		return fmt.Sprintf("[%s ERROR resizer::decode] cannot decode image-%d.jpg: unexpected end of file\n", ts, r.IntN(10000))
	}
	return fmt.Sprintf("[%s INFO  resizer] resized image-%d.jpg to %dx%d\n", ts, r.IntN(10000), 64<<r.IntN(4), 64<<r.IntN(4))
}

// goPanic imitates a Go program that dies and is started again.
func goPanic(r *rand.Rand) string {
	g := r.IntN(900) + 20
	return fmt.Sprintf(`panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x6f1c4a]

goroutine %d [running]:
payments/charge.(*Service).refund(0x0, {0xc00011e0c0, 0x24})
	/src/charge/refund.go:77 +0x2a
payments/http.(*Handler).Refund(0xc0001a4000, {0x7d1e40, 0xc0002160e0}, 0xc000200140)
	/src/http/refund.go:31 +0x1c5
created by net/http.(*Server).Serve in goroutine 1
	/usr/local/go/src/net/http/server.go:3454 +0x485
exit status 2
`, g)
}

// rustPanic imitates a Rust thread that panics.
func rustPanic(r *rand.Rand) string {
	return fmt.Sprintf(`
thread 'tokio-runtime-worker' (%d) panicked at src/route.rs:%d:17:
index out of bounds: the len is 3 but the index is 7
note: run with `+"`RUST_BACKTRACE=1`"+` environment variable to display a backtrace
`, 10000+r.IntN(9999), 20+r.IntN(80))
}
