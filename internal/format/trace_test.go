package format

import (
	"encoding/hex"
	"strings"
	"testing"

	"shipper/internal/record"
)

// TestTraceContext wants a trace and a span from every place and in every
// spelling that they are written in, and no more than that.
func TestTraceContext(t *testing.T) {
	const (
		trace = "4bf92f3577b34da6a3ce929d0e0e4736"
		half  = "0000000000000000a3ce929d0e0e4736"
		span  = "00f067aa0ba902b7"
		none  = ""
	)
	line := func(text, wantTrace, wantSpan string, wantFlags uint8, left ...string) {
		t.Helper()
		b := parse(text)
		r := &b.Records[0]
		gotTrace, gotSpan := none, none
		if r.Flags&record.HasTrace != 0 {
			gotTrace = hex.EncodeToString(r.TraceID[:])
		}
		if r.Flags&record.HasSpan != 0 {
			gotSpan = hex.EncodeToString(r.SpanID[:])
		}
		if gotTrace != wantTrace || gotSpan != wantSpan || r.TraceFlags != wantFlags {
			t.Errorf("%s\ngot  trace %q, span %q, flags %d\nwant trace %q, span %q, flags %d", text, gotTrace, gotSpan, r.TraceFlags, wantTrace, wantSpan, wantFlags)
		}
		var names []string
		for _, f := range b.FieldsOf(r) {
			if name := string(b.Bytes(f.Key)); name != "spans" && name != "span.name" && !strings.HasPrefix(name, "code.") && !strings.HasPrefix(name, "process.") {
				names = append(names, name)
			}
		}
		if strings.Join(names, " ") != strings.Join(left, " ") {
			t.Errorf("%s: fields %q, want %q", text, names, left)
		}
	}
	// f tries members of an object of JSON.
	f := func(members, wantTrace, wantSpan string, wantFlags uint8, left ...string) {
		t.Helper()
		line(`{"time":"2026-11-23T06:25:41Z","level":"INFO","msg":"m",`+members+`}`, wantTrace, wantSpan, wantFlags, left...)
	}

	// Names.
	for _, name := range []string{"trace_id", "traceId", "traceID", "traceid", "TraceId", "TraceID", "TRACE_ID", "trace.id", "trace-id",
		"@trace_id", "@traceId", "otelTraceID", "otelTraceId", "otel.trace_id", "otel.traceId", "otel_trace_id", "x-trace-id", "X-Trace-Id", "X-Trace-ID",
		"X-B3-TraceId", "X-B3-Traceid", "x-b3-traceid", "x_b3_traceid", "xray_trace_id", "logging.googleapis.com/trace", "trace"} {
		f(`"`+name+`":"`+trace+`"`, trace, none, 0)
		f(`"`+name+`":"`+strings.ToUpper(trace)+`"`, trace, none, 0)
		f(`"`+name+`":"a3ce929d0e0e4736"`, half, none, 0)
		f(`"`+name+`":"no trace"`, none, none, 0, name)
	}
	for _, name := range []string{"span_id", "spanId", "spanID", "spanid", "SpanId", "SpanID", "SPAN_ID", "span.id", "span-id",
		"@span_id", "@spanId", "otelSpanID", "otelSpanId", "otel.span_id", "otel.spanId", "otel_span_id",
		"X-B3-SpanId", "X-B3-Spanid", "x-b3-spanid", "x_b3_spanid", "logging.googleapis.com/spanId", "span"} {
		f(`"`+name+`":"`+span+`"`, none, span, 0)
		f(`"`+name+`":"`+strings.ToUpper(span)+`"`, none, span, 0)
		f(`"`+name+`":"no span"`, none, none, 0, name)
	}
	for _, name := range []string{"trace_flags", "traceFlags", "TraceFlags", "trace_sampled", "otelTraceSampled", "otel.trace_flags", "x-b3-sampled", "logging.googleapis.com/trace_sampled"} {
		for _, value := range []string{`"01"`, `1`, `true`, `"true"`} {
			f(`"trace_id":"`+trace+`","`+name+`":`+value, trace, none, 1)
		}
		f(`"trace_id":"`+trace+`","`+name+`":false`, trace, none, 0)
		f(`"trace_id":"`+trace+`","`+name+`":"maybe"`, trace, none, 0, name)
	}

	// There is none.
	f(`"trace_id":"00000000000000000000000000000000","span_id":"0000000000000000","trace_flags":"00"`, none, none, 0)
	f(`"trace_id":"0000000000000000"`, none, none, 0)
	f(`"trace_id":"","span_id":null`, none, none, 0, "trace_id", "span_id")
	f(`"dd.trace_id":"0","dd.span_id":0`, none, none, 0)
	f(`"trace_id":"`+trace[1:]+`"`, none, none, 0, "trace_id")
	f(`"trace_id":"`+trace[1:]+`g"`, none, none, 0, "trace_id")
	f(`"trace_id":5700248118863432293`, none, none, 0, "trace_id") // only Datadog's are decimal
	f(`"trace":{"of":"thoughts"},"span":7`, none, none, 0, "trace", "span")
	f(`"request_id":"`+trace+`","parent_id":"`+span+`"`, none, none, 0, "request_id", "parent_id")

	// Forms of the value.
	f(`"trace_id":"4bf92f35-77b3-4da6-a3ce-929d0e0e4736"`, trace, none, 0)
	f(`"logging.googleapis.com/trace":"projects/p-1/traces/`+trace+`","logging.googleapis.com/spanId":"`+span+`","logging.googleapis.com/trace_sampled":true`, trace, span, 1)
	f(`"logging.googleapis.com/spanId":"67667974448284343"`, none, span, 0)
	f(`"dd.trace_id":"5700248118863432293","dd.span_id":"5700248118863432294"`, "00000000000000004f1b597680718a65", "4f1b597680718a66", 0)
	f(`"dd.trace_id":5700248118863432293,"dd.span_id":18446744073709551615`, "00000000000000004f1b597680718a65", "ffffffffffffffff", 0)
	f(`"dd.trace_id":"6b03dd6f000000004f1b597680718a65","dd.span_id":"1"`, "6b03dd6f000000004f1b597680718a65", "0000000000000001", 0)
	f(`"dd_trace_id":"18446744073709551616"`, none, none, 0, "dd_trace_id")
	f(`"dd":{"trace_id":"5700248118863432293","span_id":"1","service":"s","env":"e","version":"v"}`, "00000000000000004f1b597680718a65", "0000000000000001", 0, "service.name", "deployment.environment.name", "service.version")

	// Headers.
	f(`"traceparent":"00-`+trace+`-`+span+`-01"`, trace, span, 1)
	f(`"Traceparent":"00-`+trace+`-`+span+`-00"`, trace, span, 0)
	f(`"trace_parent":"cc-`+trace+`-`+span+`-03"`, trace, span, 3) // of a later version
	f(`"traceparent":"ff-`+trace+`-`+span+`-01"`, none, none, 0, "traceparent")
	f(`"traceparent":"00-00000000000000000000000000000000-`+span+`-01"`, none, none, 0, "traceparent")
	f(`"traceparent":"00-`+trace+`-0000000000000000-01"`, none, none, 0, "traceparent")
	f(`"b3":"`+trace+`-`+span+`-1-05e3ac9a4f6e3b90"`, trace, span, 1)
	f(`"b3":"`+trace+`-`+span+`-d"`, trace, span, 1)
	f(`"B3":"a3ce929d0e0e4736-`+span+`-0"`, half, span, 0)
	f(`"b3":"`+trace+`-`+span+`"`, trace, span, 0)
	f(`"b3":"0"`, none, none, 0, "b3")
	f(`"b3":"`+trace+`-`+span+`x1"`, none, none, 0, "b3")
	f(`"uber-trace-id":"`+trace+`:f067aa0ba902b7:0:1"`, trace, span, 1)
	f(`"Uber-Trace-Id":"a3ce929d0e0e4736:f067aa0ba902b7:1a:2"`, half, span, 0)
	f(`"uber-trace-id":"0:0:0:0"`, none, none, 0, "uber-trace-id")
	f(`"uber-trace-id":"12:30"`, none, none, 0, "uber-trace-id")
	f(`"X-Amzn-Trace-Id":"Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=`+span+`;Sampled=1"`, trace, span, 1)
	f(`"x-amzn-trace-id":"Self=1-67891234-12456789abcdef012345678;Root=1-4bf92f35-77b34da6a3ce929d0e0e4736"`, trace, none, 0)
	f(`"X-Amzn-Trace-Id":"Root=2-4bf92f35-77b34da6a3ce929d0e0e4736"`, none, none, 0, "X-Amzn-Trace-Id")
	f(`"xray":"1-4bf92f35-77b34da6a3ce929d0e0e4736"`, trace, none, 0)
	f(`"AWS-XRAY-TRACE-ID":"1-4bf92f35-77b34da6a3ce929d0e0e4736"`, trace, none, 0)
	f(`"X-Cloud-Trace-Context":"`+trace+`/67667974448284343;o=1"`, trace, span, 1)
	f(`"x-cloud-trace-context":"`+trace+`/67667974448284343"`, trace, span, 0)
	f(`"X-Cloud-Trace-Context":"`+trace+`/x"`, none, none, 0, "X-Cloud-Trace-Context")

	// Objects.
	f(`"trace":{"id":"`+trace+`"},"span":{"id":"`+span+`"}`, trace, span, 0)
	f(`"trace":{"id":"`+trace+`","state":"x=1"}`, trace, none, 0, "trace") // which says more
	f(`"openTelemetry":{"traceId":"`+trace+`","spanId":"`+span+`"}`, trace, span, 0)
	f(`"spanContext":{"traceId":"`+trace+`","spanId":"`+span+`","traceFlags":1}`, trace, span, 1)
	f(`"SpanContext":{"TraceID":"`+trace+`","SpanID":"`+span+`","TraceFlags":"01","TraceState":"","Remote":false}`, trace, span, 1)
	f(`"context":{"trace_id":"`+trace+`","span_id":"`+span+`"}`, trace, span, 0)
	f(`"context":{"user":"u","trace_id":"`+trace+`"}`, trace, none, 0, "context")
	f(`"context":{"user":"u"}`, none, none, 0, "context")

	// The best of several.
	f(`"X-B3-TraceId":"`+half+`","trace_id":"`+trace+`"`, trace, none, 0)
	f(`"trace_id":"`+trace+`","dd.trace_id":"5700248118863432293","trace":"a3ce929d0e0e4736"`, trace, none, 0, "dd.trace_id", "trace")

	// Other formats.
	line(`time=2026-11-23T06:25:41Z level=INFO msg=m trace_id=`+trace+` span_id=`+span, trace, span, 0)
	line(`ts=2026-11-23T06:25:41Z level=info msg=m traceID=a3ce929d0e0e4736`, half, none, 0)
	line(`level=info msg=m uber-trace-id=`+trace+`:f067aa0ba902b7:0:1`, trace, span, 1)
	line(`level=info msg="m" X-Amzn-Trace-Id="Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=`+span+`;Sampled=1"`, trace, span, 1)
	line(`I1123 06:25:41.421188       1 a.go:152] "m" traceID="`+trace+`" spanID="`+span+`"`, trace, span, 0)
	line("2026-11-23T06:25:41.421Z\tinfo\ta.go:7\tm\t"+`{"trace_id":"`+trace+`","span_id":"`+span+`"}`, trace, span, 0)
	line(`2026-11-23T06:25:41.421Z  INFO a: m trace_id=`+trace+` span_id="`+span+`"`, trace, span, 0)
	line(`2026-11-23T06:25:41.421Z  INFO request{method=GET trace_id=`+trace+`}:inner{n=1 span_id=`+span+`}: a: m`, trace, span, 0)
	line(`{"timestamp":"2026-11-23T06:25:41.421Z","level":"INFO","fields":{"message":"m","trace_id":"`+trace+`","otel.span_id":"`+span+`"},"target":"a"}`, trace, span, 0)
	line(`{"timestamp":"2026-11-23T06:25:41.421Z","level":"INFO","fields":{"message":"m"},"target":"a","span":{"name":"inner"},"spans":[{"trace_id":"`+trace+`","span_id":"`+span+`","name":"request"},{"name":"inner"}]}`, trace, span, 0)
	line(`{"timestamp":"2026-11-23T06:25:41.421Z","level":"INFO","fields":{"message":"m"},"target":"a","span":{"otel.trace_id":"`+trace+`","name":"request"},"spans":[{"otel.trace_id":"`+trace+`","name":"request"}]}`, trace, none, 0)
	line(`{"v":0,"name":"svc","msg":"m","level":30,"hostname":"h","pid":1,"time":"2026-11-23T06:25:41Z","trace_id":"`+trace+`","span_id":"`+span+`"}`, trace, span, 0, "host.name", "service.name")
	line(`2026/11/23 06:25:41 INFO m trace_id=`+trace+` span_id=`+span, trace, span, 0)
}

// TestOriginObjects wants what objects say of the service and the host.
func TestOriginObjects(t *testing.T) {
	f := func(members string, want ...string) {
		t.Helper()
		got := summary(`{"level":"INFO","msg":"m",` + members + `}`)
		for _, w := range want {
			absent := strings.HasPrefix(w, "no ")
			if strings.Contains(got, strings.TrimPrefix(w, "no ")) == absent {
				t.Errorf("%s\ngot  %s\nwant %s", members, got, w)
			}
		}
	}
	f(`"service":{"name":"s","version":"v","environment":"e"}`, `"service.name":"s"`, `"service.version":"v"`, `"deployment.environment.name":"e"`, `no "service":`)
	f(`"service":{"name":"s","node":{"name":"n"}}`, `"service.name":"s"`, `"service":{"name":"s","node"`)
	f(`"host":{"name":"h"}`, `"host.name":"h"`, `no "host":`)
	f(`"host":{"name":"h","version":"9"}`, `"host.name":"h"`, `"host":{`, `no service.version`)
	f(`"service":{"name":7}`, `"service":{"name":7}`, `no service.name`)
}
