package record

// formats are the names of the formats by their number, which the binary form
// of a batch stores; a number, once given, keeps its meaning for ever.
var formats = [...]string{
	0: "text", 1: "json", 2: "logfmt", 3: "klog", 4: "tracing-full", 5: "env_logger", 6: "go-std", 7: "go-panic", 8: "rust-panic",
	9: "zap-json", 10: "zerolog-json", 11: "slog-json", 12: "logrus-json", 13: "tracing-json", 14: "slog-text", 15: "logrus-text",
	16: "hclog-json", 17: "bunyan",
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
