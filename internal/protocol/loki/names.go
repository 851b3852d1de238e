package loki

import (
	"shipper/internal/record"
)

// defaultLabels are the labels of Loki's streams if none are configured.
func defaultLabels() []string { return []string{"service.name", "deployment.environment.name"} }

// unknownService is the service that Loki itself gives streams without one.
const unknownService = "unknown_service"

// markNames are the metadata that stand for markFlags.
var (
	markNames = [...]string{"log_truncated", "log_partial", "log_invalid_utf8", "log_timed_out"}
	markFlags = [...]record.Flags{record.Truncated, record.Partial, record.InvalidUTF8, record.TimedOut}
)

// reserved reports whether name is metadata that says something of the record itself.
func reserved(name []byte) bool {
	switch string(name) {
	case "level", "severity_number", "severity_text", "logger", "trace_id", "trace_flags", "span_id", "observed_timestamp",
		"log_record_uid", "log_time_source", "log_format", "log_truncated", "log_partial", "log_invalid_utf8", "log_timed_out":
		return true
	}
	return false
}

// appendName appends the LogQL spelling of an attribute's name: every character
// but ASCII letters, digits and underscores is an underscore, and one is before
// a digit at the start, or stands for an empty name.
func appendName[T string | []byte](dst []byte, name T) []byte {
	if len(name) == 0 || name[0] >= '0' && name[0] <= '9' {
		dst = append(dst, '_')
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'z', c == '_':
		case c&0xc0 == 0x80:
			continue // the rest of a character that is an underscore already
		default:
			c = '_'
		}
		dst = append(dst, c)
	}
	return dst
}

// attributeOf returns OpenTelemetry's spelling of a LogQL name, the name itself
// if it has none.
func attributeOf(name string) string {
	if dotted := attributes[name]; dotted != "" {
		return dotted
	}
	return name
}

// attributes are the names of the semantic conventions that records have or
// that are set as labels, by their LogQL spelling.
var attributes = func() map[string]string {
	m := map[string]string{}
	for _, name := range []string{
		"service.name", "service.namespace", "service.version", "service.instance.id", "deployment.environment.name",
		"host.name", "host.id", "host.arch", "os.type", "process.pid", "process.executable.name", "process.command",
		"cloud.provider", "cloud.region", "cloud.availability_zone", "cloud.account.id",
		"container.id", "container.name", "container.image.name",
		"k8s.cluster.name", "k8s.namespace.name", "k8s.node.name", "k8s.pod.name", "k8s.pod.uid", "k8s.container.name",
		"k8s.container.restart_count", "k8s.deployment.name", "k8s.statefulset.name", "k8s.daemonset.name", "k8s.job.name", "k8s.cronjob.name",
		"log.file.path", "log.file.name", "log.file.path_resolved", "log.iostream", "log.frame_time",
		"log.record.original", "log.record.timestamp",
		"code.file.path", "code.line.number", "code.column.number", "code.function.name",
		"exception.type", "exception.message", "exception.stacktrace", "exception.chain", "exception.fingerprint",
		"thread.name", "thread.id", "go.goroutine.id", "span.name", "signal.code", "signal.addr", "event.name",
		"http.request.method", "http.response.status_code", "url.path", "url.original", "client.address", "user_agent.original",
	} {
		m[string(appendName(nil, name))] = name
	}
	return m
}()
