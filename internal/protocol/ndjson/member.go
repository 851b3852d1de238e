package ndjson

// member is one of the members of the canonical object that are not resource
// attributes, labels or "attributes".
type member uint8

const (
	noMember member = iota
	timestamp
	observedTimestamp
	timestampSource
	severity
	severityNumber
	severityText
	message
	traceID
	traceFlags
	spanID
	logger
	id
	attributes
	format
	truncated
	partial
	invalidUTF8
	timedOut
)

// memberOf returns the member with a canonical name.
func memberOf[T string | []byte](name T) member {
	switch string(name) {
	case "timestamp":
		return timestamp
	case "observed_timestamp":
		return observedTimestamp
	case "timestamp_source":
		return timestampSource
	case "severity":
		return severity
	case "severity_number":
		return severityNumber
	case "severity_text":
		return severityText
	case "message":
		return message
	case "trace_id":
		return traceID
	case "trace_flags":
		return traceFlags
	case "span_id":
		return spanID
	case "logger":
		return logger
	case "id":
		return id
	case "attributes":
		return attributes
	case "log.format":
		return format
	case "log.truncated":
		return truncated
	case "log.partial":
		return partial
	case "log.invalid_utf8":
		return invalidUTF8
	case "log.timed_out":
		return timedOut
	}
	return noMember
}

// aliasOf returns the member that others mean by name.
func aliasOf(name []byte) member {
	switch string(name) {
	case "time", "ts", "_time", "@timestamp":
		return timestamp
	case "msg", "_msg":
		return message
	case "level", "lvl":
		return severity
	case "traceId", "traceID", "traceid", "trace.id":
		return traceID
	case "spanId", "spanID", "spanid", "span.id":
		return spanID
	}
	return noMember
}
