package protocol

import (
	"bytes"
	"unicode/utf8"
)

// MaxSeverityText is how many bytes the text of a severity has at most. A longer
// one is an attribute like any other.
const MaxSeverityText = 32

// FitsSeverityText reports whether s can be the text of a severity: it grows where
// bytes that are not UTF-8 become U+FFFD.
func FitsSeverityText(s []byte) bool {
	return len(s) <= MaxSeverityText && (utf8.Valid(s) || len(bytes.ToValidUTF8(s, []byte("\uFFFD"))) <= MaxSeverityText)
}
