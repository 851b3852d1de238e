package record

// The numbers of the formats a record can have been parsed as. The binary form
// of a batch stores them: a number, once given, keeps its meaning for ever, and
// new ones are added at the end.
const (
	FormatText uint8 = iota
	FormatJSON
	FormatLogfmt
	FormatKlog
	FormatTracingFull
	FormatEnvLogger
	FormatGoStd
	FormatGoPanic
	FormatRustPanic
	FormatZapJSON
	FormatZerologJSON
	FormatSlogJSON
	FormatLogrusJSON
	FormatTracingJSON
	FormatSlogText
	FormatLogrusText
	FormatHclogJSON
	FormatBunyan
	FormatGoFatal
	FormatGoRace
	FormatRustError
	FormatSlogDefault
	FormatGokitLogfmt
	FormatZapConsole
	FormatZerologConsole
	FormatTint
	FormatHclogText
	FormatLogrusTTY
	FormatLogrusNested
	FormatGeth
	FormatLog15
	FormatGin
	FormatAccessLog
	FormatFiber
	FormatNATS
	FormatTiDB
	FormatCharm
	FormatApex
	FormatPhuslu
	FormatGoLogging
	FormatSeelog
	FormatGorm
	FormatKratos
	FormatGoZero
	FormatDevslog
	FormatCalico
	FormatCoreDNS
	FormatCockroachDB
	FormatGoTest
	FormatGoTestJSON
	FormatGoDebug
	FormatFuncr
	FormatFx
	FormatTracingCompact
	FormatTracingPretty
	FormatPrettyEnvLogger
	FormatSimpleLogger
	FormatSimplelog
	FormatStderrlog
	FormatFemme
	FormatFern
	FormatFlexiLogger
	FormatLog4rs
	FormatSlogTerm
	FormatSlogTermCompact
	FormatTracingLogfmt
	FormatSubstrate
	FormatRocket
	FormatColorEyre
	FormatGethJSON
	FormatGokitJSON
	FormatLog15JSON
	FormatGCPJSON
	FormatOTelJSON
	FormatEchoJSON
	FormatFuncrJSON
	FormatTiDBJSON
	FormatGoZeroJSON
	FormatLog4rsJSON
	FormatSlogRsJSON
	FormatCharmJSON
	FormatPhusluJSON
	FormatApexJSON
	FormatCapnslog
	FormatTendermint
	FormatMinIO
)

var formats = [...]string{
	FormatText:            "text",
	FormatJSON:            "json",
	FormatLogfmt:          "logfmt",
	FormatKlog:            "klog",
	FormatTracingFull:     "tracing-full",
	FormatEnvLogger:       "env_logger",
	FormatGoStd:           "go-std",
	FormatGoPanic:         "go-panic",
	FormatRustPanic:       "rust-panic",
	FormatZapJSON:         "zap-json",
	FormatZerologJSON:     "zerolog-json",
	FormatSlogJSON:        "slog-json",
	FormatLogrusJSON:      "logrus-json",
	FormatTracingJSON:     "tracing-json",
	FormatSlogText:        "slog-text",
	FormatLogrusText:      "logrus-text",
	FormatHclogJSON:       "hclog-json",
	FormatBunyan:          "bunyan",
	FormatGoFatal:         "go-fatal",
	FormatGoRace:          "go-race",
	FormatRustError:       "rust-error",
	FormatSlogDefault:     "slog-default",
	FormatGokitLogfmt:     "gokit-logfmt",
	FormatZapConsole:      "zap-console",
	FormatZerologConsole:  "zerolog-console",
	FormatTint:            "tint",
	FormatHclogText:       "hclog-text",
	FormatLogrusTTY:       "logrus-tty",
	FormatLogrusNested:    "logrus-nested",
	FormatGeth:            "geth",
	FormatLog15:           "log15",
	FormatGin:             "gin",
	FormatAccessLog:       "access-log",
	FormatFiber:           "fiber",
	FormatNATS:            "nats",
	FormatTiDB:            "tidb",
	FormatCharm:           "charm",
	FormatApex:            "apex",
	FormatPhuslu:          "phuslu",
	FormatGoLogging:       "go-logging",
	FormatSeelog:          "seelog",
	FormatGorm:            "gorm",
	FormatKratos:          "kratos",
	FormatGoZero:          "go-zero",
	FormatDevslog:         "devslog",
	FormatCalico:          "calico",
	FormatCoreDNS:         "coredns",
	FormatCockroachDB:     "cockroachdb",
	FormatGoTest:          "go-test",
	FormatGoTestJSON:      "go-test-json",
	FormatGoDebug:         "go-debug",
	FormatFuncr:           "funcr",
	FormatFx:              "fx",
	FormatTracingCompact:  "tracing-compact",
	FormatTracingPretty:   "tracing-pretty",
	FormatPrettyEnvLogger: "pretty_env_logger",
	FormatSimpleLogger:    "simple_logger",
	FormatSimplelog:       "simplelog",
	FormatStderrlog:       "stderrlog",
	FormatFemme:           "femme",
	FormatFern:            "fern",
	FormatFlexiLogger:     "flexi_logger",
	FormatLog4rs:          "log4rs",
	FormatSlogTerm:        "slog-term",
	FormatSlogTermCompact: "slog-term-compact",
	FormatTracingLogfmt:   "tracing-logfmt",
	FormatSubstrate:       "substrate",
	FormatRocket:          "rocket",
	FormatColorEyre:       "color-eyre",
	FormatGethJSON:        "geth-json",
	FormatGokitJSON:       "gokit-json",
	FormatLog15JSON:       "log15-json",
	FormatGCPJSON:         "gcp-json",
	FormatOTelJSON:        "otel-json",
	FormatEchoJSON:        "echo-json",
	FormatFuncrJSON:       "funcr-json",
	FormatTiDBJSON:        "tidb-json",
	FormatGoZeroJSON:      "go-zero-json",
	FormatLog4rsJSON:      "log4rs-json",
	FormatSlogRsJSON:      "slog-rs-json",
	FormatCharmJSON:       "charm-json",
	FormatPhusluJSON:      "phuslu-json",
	FormatApexJSON:        "apex-json",
	FormatCapnslog:        "capnslog",
	FormatTendermint:      "tendermint",
	FormatMinIO:           "minio",
}

// FormatName returns the name of format number n.
func FormatName(n uint8) string {
	if int(n) < len(formats) {
		return formats[n]
	}
	return "unknown"
}

// FormatNames returns the names of all formats, ordered by number.
func FormatNames() []string { return append([]string(nil), formats[:]...) }

// FormatNumber returns the number of the format with that name.
func FormatNumber(name string) (uint8, bool) {
	for i, f := range formats {
		if f == name {
			return uint8(i), true
		}
	}
	return 0, false
}
