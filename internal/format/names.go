package format

import "shipper/internal/record"

// The names of OpenTelemetry's semantic conventions, and of shipper's own, that
// the parsers give to fields.
var (
	nameService   = record.Name("service.name")
	nameEnv       = record.Name("deployment.environment.name")
	nameVersion   = record.Name("service.version")
	nameHost      = record.Name("host.name")
	namePid       = record.Name("process.pid")
	nameFile      = record.Name("code.file.path")
	nameLine      = record.Name("code.line.number")
	nameColumn    = record.Name("code.column.number")
	nameFunction  = record.Name("code.function.name")
	nameErrorType = record.Name("exception.type")
	nameError     = record.Name("exception.message")
	nameStack     = record.Name("exception.stacktrace")
	nameChain     = record.Name("exception.chain")
	nameThread    = record.Name("thread.name")
	nameThreadID  = record.Name("thread.id")
	nameGoroutine = record.Name("go.goroutine.id")
	nameSpans     = record.Name("spans")
	nameSpan      = record.Name("span.name")
	nameSignal    = record.Name("signal")
	nameSigCode   = record.Name("signal.code")
	nameSigAddr   = record.Name("signal.addr")
	nameTimestamp = record.Name("log.record.timestamp")
	nameOriginal  = record.Name("log.record.original")
	nameMethod    = record.Name("http.request.method")
	nameURL       = record.Name("url.original")
	nameStatus    = record.Name("http.response.status_code")
	nameClient    = record.Name("client.address")
	nameServer    = record.Name("server.address")
	nameAgent     = record.Name("user_agent.original")
)
