package format

import "encoding/binary"

// key is a key of a field that has a meaning.
type key uint8

// role is the meaning of a key.
type role uint8

const (
	roleNone role = iota
	roleTime
	roleTimeMaybe // a time if it looks like one, and only then
	roleLevel
	roleSeverity // OpenTelemetry's number, or a level
	roleMessage
	roleMessageMaybe // the message if nothing else is
	roleLogger
	roleLoggerMaybe
	roleService
	roleEnv
	roleVersion
	roleHost
	roleName // bunyan: the service
	rolePid  // bunyan: the process
	roleCaller
	roleFile
	roleLine
	roleFunction
	roleError
	roleErrorType
	roleStack
	roleTrace
	roleTraceBare
	roleTraceDatadog
	roleTraceOther
	roleSpan
	roleSpanDatadog
	roleSpanOther
	roleFlags
	roleFields // tracing: the event's fields
	roleSpanObject
	roleSpanList
	roleThreadName
	roleThreadID
	roleResource
	roleOtel      // {"traceId":...,"spanId":...}
	roleDatadog   // {"trace_id":...,"span_id":...,"service":...}
	roleV         // bunyan, logr
	roleLogTarget // tracing, of the log crate
	roleLogFile
	roleLogLine
	roles
)

// Keys that tell dialects apart. The rest have numbers behind these.
const (
	keyLevel key = iota + 1
	keyTime
	keyTs
	keyTimestamp
	keyMsg
	keyMessage
	keyTarget
	keyLogger
	keyCaller
	keySource
	keyPid
	keyV
	keyHclogLevel
	keyHclogMessage
	keyAtTimestamp
	keyT
	keyLvl
	keySeverity
	keyContent
	keyFields
	keyCloudSource
	keyBigTime
	keyBigTimestamp
	keyOthers
)

// keys are the keys with a meaning. What a key means is the same in all formats
// of keys and values, JSON's and logfmt's, but for those that say Maybe.
var keys = [...]struct {
	name string
	role role
}{
	keyLevel:        {"level", roleLevel},
	keyTime:         {"time", roleTime},
	keyTs:           {"ts", roleTime},
	keyTimestamp:    {"timestamp", roleTime},
	keyMsg:          {"msg", roleMessage},
	keyMessage:      {"message", roleMessage},
	keyTarget:       {"target", roleLogger},
	keyLogger:       {"logger", roleLogger},
	keyCaller:       {"caller", roleCaller},
	keySource:       {"source", roleCaller},
	keyPid:          {"pid", rolePid},
	keyV:            {"v", roleV},
	keyHclogLevel:   {"@level", roleLevel},
	keyHclogMessage: {"@message", roleMessage},
	keyAtTimestamp:  {"@timestamp", roleTime},
	keyT:            {"t", roleTimeMaybe},
	keyLvl:          {"lvl", roleLevel},
	keySeverity:     {"severity", roleLevel},
	keyContent:      {"content", roleMessageMaybe},
	keyFields:       {"fields", roleFields},
	keyCloudSource:  {"logging.googleapis.com/sourceLocation", roleCaller},
	keyBigTime:      {"Time", roleTimeMaybe},
	keyBigTimestamp: {"Timestamp", roleTimeMaybe},
	keyOthers:       {"date", roleTimeMaybe},

	{"datetime", roleTimeMaybe},
	{"eventTime", roleTimeMaybe},
	{"@t", roleTimeMaybe},
	{"asctime", roleTimeMaybe},
	{"T", roleTimeMaybe},

	{"levelname", roleLevel},
	{"log.level", roleLevel},
	{"Level", roleLevel},
	{"SeverityText", roleLevel},
	{"severity_number", roleSeverity},
	{"severityNumber", roleSeverity},
	{"SeverityNumber", roleSeverity},
	{"Severity", roleSeverity},
	{"PRIORITY", roleLevel},
	{"severity_text", roleLevel},
	{"severityText", roleLevel},
	{"@l", roleLevel},
	{"level_name", roleLevel},
	{"log_level", roleLevel}, // Cloud Foundry's lager has numbers of its own there
	{"L", roleLevel},         // zap's development configuration: L, T, N, C, M, S

	{"short_message", roleMessage},
	{"textPayload", roleMessage},
	{"jsonPayload", roleFields}, // of an entry that was exported from Google Cloud Logging
	{"Message", roleMessage},
	{"@m", roleMessage},
	{"event", roleMessageMaybe},
	{"body", roleMessageMaybe},
	{"Body", roleMessageMaybe},
	{"text", roleMessageMaybe},
	{"log", roleMessageMaybe},
	{"M", roleMessageMaybe},

	{"module", roleLogger},
	{"@module", roleLogger},
	{"logger_name", roleLogger},
	{"log.logger", roleLogger},
	{"component", roleLoggerMaybe},
	{"N", roleLoggerMaybe},

	{"service", roleService},
	{"service.name", roleService},
	{"service_name", roleService},
	{"serviceName", roleService},
	{"app", roleService},
	{"application", roleService},
	{"dd.service", roleService},
	{"env", roleEnv},
	{"environment", roleEnv},
	{"deployment.environment", roleEnv},
	{"deployment.environment.name", roleEnv},
	{"dd.env", roleEnv},
	{"stage", roleEnv},
	{"version", roleVersion},
	{"service.version", roleVersion},
	{"app_version", roleVersion},
	{"dd.version", roleVersion},
	{"host", roleHost},
	{"hostname", roleHost},
	{"host.name", roleHost},
	{"name", roleName},

	{"@caller", roleCaller},
	{"C", roleCaller},
	{"location", roleCaller},
	{"file", roleFile},
	{"filename", roleFile},
	{"line", roleLine},
	{"line_number", roleLine},
	{"lineno", roleLine},
	{"func", roleFunction},
	{"function", roleFunction},

	{"error", roleError},
	{"err", roleError},
	{"exception", roleError},
	{"error.message", roleError},
	{"error.type", roleErrorType},
	{"stacktrace", roleStack},
	{"stack", roleStack},
	{"stack_trace", roleStack},
	{"errorVerbose", roleStack},
	{"error.stack", roleStack},
	{"error.stack_trace", roleStack},

	{"trace_id", roleTrace},
	{"traceId", roleTrace},
	{"traceID", roleTrace},
	{"traceid", roleTrace},
	{"TraceId", roleTrace},
	{"TraceID", roleTrace},
	{"trace.id", roleTrace},
	{"trace-id", roleTrace},
	{"otelTraceID", roleTrace},
	{"otelTraceId", roleTrace},
	{"otel.trace_id", roleTrace},
	{"otel.traceId", roleTrace},
	{"otel_trace_id", roleTrace},
	{"@trace_id", roleTrace},
	{"@traceId", roleTrace},
	{"TRACE_ID", roleTrace},
	{"dd.trace_id", roleTraceDatadog},
	{"dd_trace_id", roleTraceDatadog},
	{"logging.googleapis.com/trace", roleTraceOther},
	{"traceparent", roleTraceOther},
	{"x-trace-id", roleTraceOther},
	{"X-Trace-Id", roleTraceOther},
	{"xray_trace_id", roleTraceOther},
	{"AWS-XRAY-TRACE-ID", roleTraceOther},
	{"X-B3-TraceId", roleTraceOther},
	{"X-B3-Traceid", roleTraceOther},
	{"x-b3-traceid", roleTraceOther},
	{"x_b3_traceid", roleTraceOther},
	{"b3", roleTraceOther},
	{"B3", roleTraceOther},
	{"Traceparent", roleTraceOther},
	{"traceParent", roleTraceOther},
	{"trace_parent", roleTraceOther},
	{"uber-trace-id", roleTraceOther},
	{"Uber-Trace-Id", roleTraceOther},
	{"uber_trace_id", roleTraceOther},
	{"X-Amzn-Trace-Id", roleTraceOther},
	{"x-amzn-trace-id", roleTraceOther},
	{"x_amzn_trace_id", roleTraceOther},
	{"_X_AMZN_TRACE_ID", roleTraceOther},
	{"xray", roleTraceOther},
	{"xray_trace", roleTraceOther},
	{"xrayTraceId", roleTraceOther},
	{"X-Cloud-Trace-Context", roleTraceOther},
	{"x-cloud-trace-context", roleTraceOther},
	{"X-Trace-ID", roleTraceOther},
	{"trace", roleTraceBare},
	{"span_id", roleSpan},
	{"spanId", roleSpan},
	{"spanID", roleSpan},
	{"spanid", roleSpan},
	{"SpanId", roleSpan},
	{"SpanID", roleSpan},
	{"span.id", roleSpan},
	{"span-id", roleSpan},
	{"otelSpanID", roleSpan},
	{"otelSpanId", roleSpan},
	{"otel.span_id", roleSpan},
	{"otel.spanId", roleSpan},
	{"otel_span_id", roleSpan},
	{"@span_id", roleSpan},
	{"@spanId", roleSpan},
	{"SPAN_ID", roleSpan},
	{"dd.span_id", roleSpanDatadog},
	{"dd_span_id", roleSpanDatadog},
	{"logging.googleapis.com/spanId", roleSpanOther},
	{"X-B3-SpanId", roleSpanOther},
	{"X-B3-Spanid", roleSpanOther},
	{"x-b3-spanid", roleSpanOther},
	{"x_b3_spanid", roleSpanOther},
	{"trace_flags", roleFlags},
	{"TraceFlags", roleFlags},
	{"traceFlags", roleFlags},
	{"trace_sampled", roleFlags},
	{"otel.trace_flags", roleFlags},
	{"otelTraceSampled", roleFlags},
	{"logging.googleapis.com/trace_sampled", roleFlags},
	{"X-B3-Sampled", roleFlags},
	{"x-b3-sampled", roleFlags},

	{"span", roleSpanObject},
	{"spans", roleSpanList},
	{"threadName", roleThreadName},
	{"threadId", roleThreadID},
	{"resource", roleResource},
	{"openTelemetry", roleOtel},
	{"otel", roleOtel},
	{"spanContext", roleOtel},
	{"SpanContext", roleOtel},
	{"span_context", roleOtel},
	{"traceContext", roleOtel},
	{"trace_context", roleOtel},
	{"context", roleOtel},
	{"dd", roleDatadog},
	{"log.target", roleLogTarget},
	{"logTarget", roleLogTarget},
	{"log.file", roleLogFile},
	{"logFile", roleLogFile},
	{"log.line", roleLogLine},
	{"logLine", roleLogLine},
}

// keyTable finds the key of a name by a hash of its length and its first eight
// bytes, which are all of most names. Probing is linear; an entry without a key
// is free.
var keyTable = func() (t [512]keyEntry) {
	for k := range keys {
		if k == 0 {
			continue
		}
		name := []byte(keys[k].name)
		e := keyEntry{word: keyWord(name), length: uint8(len(name)), key: key(k)}
		h := keyHash(e.word, len(name))
		for t[h].key != 0 {
			h = (h + 1) % 512
		}
		t[h] = e
	}
	return t
}()

type keyEntry struct {
	word   uint64
	length uint8
	key    key
}

func keyHash(word uint64, n int) uint {
	return uint(((word + uint64(n)) * 0x9e3779b97f4a7c15) >> 55)
}

// keyWord returns the first eight bytes of name, zeros behind shorter ones.
func keyWord(name []byte) uint64 {
	n := len(name)
	if n >= 8 {
		return binary.LittleEndian.Uint64(name)
	}
	if cap(name) >= 8 {
		return binary.LittleEndian.Uint64(name[:8]) & (1<<(8*n) - 1)
	}
	var word uint64
	for i, c := range name {
		word |= uint64(c) << (8 * i)
	}
	return word
}

// lookup returns the key of that name, 0 if it has no meaning, and a hash.
func lookup(name []byte) (k key, hash uint) {
	word := keyWord(name)
	hash = keyHash(word, len(name))
	for h := hash; ; h = (h + 1) % 512 {
		e := &keyTable[h]
		if e.key == 0 {
			return 0, hash
		}
		if e.word == word && int(e.length) == len(name) && (len(name) <= 8 || string(name[8:]) == keys[e.key].name[8:]) {
			return e.key, hash
		}
	}
}
