package format

// key is a key of a field that has a meaning.
type key uint8

// role is the meaning of a key.
type role uint8

const (
	roleNone role = iota
	roleTime
	roleTimeMaybe // a time if it looks like one, and only then
	roleLevel
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
	roleOtel // {"traceId":...,"spanId":...}
	roleV    // bunyan, logr
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
	keyOthers:       {"@timestamp", roleTime},

	{"t", roleTimeMaybe},
	{"date", roleTimeMaybe},
	{"datetime", roleTimeMaybe},
	{"eventTime", roleTimeMaybe},
	{"Time", roleTimeMaybe},
	{"Timestamp", roleTimeMaybe},
	{"@t", roleTimeMaybe},

	{"lvl", roleLevel},
	{"severity", roleLevel},
	{"levelname", roleLevel},
	{"log.level", roleLevel},
	{"Level", roleLevel},
	{"SeverityText", roleLevel},
	{"severity_text", roleLevel},
	{"severityText", roleLevel},
	{"@l", roleLevel},

	{"short_message", roleMessage},
	{"textPayload", roleMessage},
	{"Message", roleMessage},
	{"event", roleMessageMaybe},
	{"content", roleMessageMaybe},
	{"body", roleMessageMaybe},
	{"Body", roleMessageMaybe},
	{"text", roleMessageMaybe},
	{"log", roleMessageMaybe},

	{"module", roleLogger},
	{"@module", roleLogger},
	{"logger_name", roleLogger},
	{"log.logger", roleLogger},
	{"component", roleLoggerMaybe},

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
	{"location", roleCaller},
	{"logging.googleapis.com/sourceLocation", roleCaller},
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
	{"dd.trace_id", roleTraceDatadog},
	{"dd_trace_id", roleTraceDatadog},
	{"logging.googleapis.com/trace", roleTraceOther},
	{"traceparent", roleTraceOther},
	{"x-trace-id", roleTraceOther},
	{"X-Trace-Id", roleTraceOther},
	{"xray_trace_id", roleTraceOther},
	{"AWS-XRAY-TRACE-ID", roleTraceOther},
	{"X-B3-TraceId", roleTraceOther},
	{"trace", roleTraceBare},
	{"span_id", roleSpan},
	{"spanId", roleSpan},
	{"spanID", roleSpan},
	{"spanid", roleSpan},
	{"SpanId", roleSpan},
	{"SpanID", roleSpan},
	{"span.id", roleSpan},
	{"otelSpanID", roleSpan},
	{"dd.span_id", roleSpanDatadog},
	{"dd_span_id", roleSpanDatadog},
	{"logging.googleapis.com/spanId", roleSpanOther},
	{"X-B3-SpanId", roleSpanOther},
	{"trace_flags", roleFlags},
	{"TraceFlags", roleFlags},
	{"traceFlags", roleFlags},
	{"logging.googleapis.com/trace_sampled", roleFlags},

	{"fields", roleFields},
	{"span", roleSpanObject},
	{"spans", roleSpanList},
	{"threadName", roleThreadName},
	{"threadId", roleThreadID},
	{"resource", roleResource},
	{"openTelemetry", roleOtel},
}

// keyTable finds the key of a name by a hash; probing is linear. 0 is free.
var keyTable = func() (t [512]key) {
	for k := range keys {
		if k == 0 {
			continue
		}
		h := keyHash([]byte(keys[k].name))
		for t[h] != 0 {
			h = (h + 1) % 512
		}
		t[h] = key(k)
	}
	return t
}()

func keyHash(name []byte) uint {
	n := uint(len(name))
	return (n*37 + uint(name[0])*11 + uint(name[n-1])*5 + uint(name[n/2])*131) % 512
}

// lookup returns the key of that name, 0 if it has no meaning.
func lookup(name []byte) key {
	if len(name) == 0 {
		return 0
	}
	for h := keyHash(name); ; h = (h + 1) % 512 {
		k := keyTable[h]
		if k == 0 || string(name) == keys[k].name {
			return k
		}
	}
}
