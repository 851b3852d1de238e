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
)

var formats = [...]string{
	FormatText:        "text",
	FormatJSON:        "json",
	FormatLogfmt:      "logfmt",
	FormatKlog:        "klog",
	FormatTracingFull: "tracing-full",
	FormatEnvLogger:   "env_logger",
	FormatGoStd:       "go-std",
	FormatGoPanic:     "go-panic",
	FormatRustPanic:   "rust-panic",
	FormatZapJSON:     "zap-json",
	FormatZerologJSON: "zerolog-json",
	FormatSlogJSON:    "slog-json",
	FormatLogrusJSON:  "logrus-json",
	FormatTracingJSON: "tracing-json",
	FormatSlogText:    "slog-text",
	FormatLogrusText:  "logrus-text",
	FormatHclogJSON:   "hclog-json",
	FormatBunyan:      "bunyan",
	FormatGoFatal:     "go-fatal",
	FormatGoRace:      "go-race",
	FormatRustError:   "rust-error",
	FormatSlogDefault: "slog-default",
	FormatGokitLogfmt: "gokit-logfmt",
}

// FormatName returns the name of format number n.
func FormatName(n uint8) string {
	if int(n) < len(formats) {
		return formats[n]
	}
	return "unknown"
}

// FormatNumber returns the number of the format with that name.
func FormatNumber(name string) (uint8, bool) {
	for i, f := range formats {
		if f == name {
			return uint8(i), true
		}
	}
	return 0, false
}
