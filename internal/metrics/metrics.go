// Package metrics writes counters, gauges and histograms in the Prometheus text
// exposition format, version 0.0.4. Components count in plain fields; a program
// names them all in one table and writes it with a Writer.
package metrics

import (
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// ContentType is that of what a Writer writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Writer collects samples. The zero Writer is ready; it is not for concurrent use.
type Writer struct {
	buf  []byte
	name string
}

// Bytes returns all that was written.
func (w *Writer) Bytes() []byte { return w.buf }

// Counter begins a family of counters; the samples follow.
func (w *Writer) Counter(name, help string) *Writer { return w.family(name, "counter", help) }

// Gauge begins a family of gauges; the samples follow.
func (w *Writer) Gauge(name, help string) *Writer { return w.family(name, "gauge", help) }

func (w *Writer) family(name, kind, help string) *Writer {
	w.name = name
	w.buf = append(w.buf, "# HELP "+name+" "+help+"\n# TYPE "+name+" "+kind+"\n"...)
	return w
}

// Sample writes one sample of the family begun last. labels are names and
// values in turn.
func (w *Writer) Sample(value float64, labels ...string) *Writer {
	w.sample("", value, labels)
	return w
}

// Int writes one sample of the family begun last. labels are names and values in turn.
func (w *Writer) Int(value int64, labels ...string) *Writer {
	return w.Sample(float64(value), labels...)
}

var escapeLabel = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func (w *Writer) sample(suffix string, value float64, labels []string) {
	w.buf = append(w.buf, w.name...)
	w.buf = append(w.buf, suffix...)
	for i := 0; i+1 < len(labels); i += 2 {
		w.buf = append(w.buf, "{,"[min(i, 1)])
		w.buf = append(w.buf, labels[i]...)
		w.buf = append(w.buf, `="`...)
		w.buf = append(w.buf, escapeLabel.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD"))...)
		w.buf = append(w.buf, '"')
	}
	if len(labels) > 1 {
		w.buf = append(w.buf, '}')
	}
	w.buf = append(w.buf, ' ')
	w.buf = appendFloat(w.buf, value)
	w.buf = append(w.buf, '\n')
}

func appendFloat(dst []byte, v float64) []byte {
	switch {
	case math.IsInf(v, 1):
		return append(dst, "+Inf"...)
	case math.IsInf(v, -1):
		return append(dst, "-Inf"...)
	case v == math.Trunc(v) && math.Abs(v) < 1<<53:
		return strconv.AppendInt(dst, int64(v), 10)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}

// bounds are the upper bounds of a Histogram's buckets, in seconds: from a
// local fsync to an output that was down for ten minutes.
var bounds = [...]float64{.001, .005, .025, .1, .25, 1, 2.5, 10, 60, 600}

// Histogram counts durations. The zero Histogram is ready; it may be used concurrently.
type Histogram struct {
	buckets [len(bounds) + 1]atomic.Int64
	sum     atomic.Int64 // ns
}

// Observe counts d.
func (h *Histogram) Observe(d time.Duration) {
	i := 0
	for i < len(bounds) && d.Seconds() > bounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(d))
}

// Histogram begins a family of histograms of durations in seconds; the
// samples follow with Durations.
func (w *Writer) Histogram(name, help string) *Writer { return w.family(name, "histogram", help) }

// Durations writes h as samples of the family begun last.
func (w *Writer) Durations(h *Histogram, labels ...string) *Writer {
	n := int64(0)
	for i := range h.buckets {
		n += h.buckets[i].Load()
		le := "+Inf"
		if i < len(bounds) {
			le = strconv.FormatFloat(bounds[i], 'g', -1, 64)
		}
		w.sample("_bucket", float64(n), append(labels[:len(labels):len(labels)], "le", le))
	}
	w.sample("_sum", time.Duration(h.sum.Load()).Seconds(), labels)
	w.sample("_count", float64(n), labels)
	return w
}
