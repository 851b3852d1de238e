package segment

import (
	"strings"

	"shipper/internal/record"
)

// member is a column that every record has a place for, by the number that
// stands for its name in the format. A number keeps its meaning for ever.
type member uint8

const (
	memberTime member = iota
	memberObserved
	memberStream
	memberOffset
	memberBody
	memberSeverity
	memberSeverityText
	memberLogger
	memberTrace
	memberTraceFlags
	memberSpan
	memberTimeSource
	memberFlags
	memberFormat
	members // their number
)

// memberNames are the attribute names of members; those without one are no attributes.
var memberNames = [members]string{
	memberObserved:     "log.observed_timestamp",
	memberStream:       "log.stream.id",
	memberOffset:       "log.record.offset",
	memberSeverity:     "severity_number",
	memberSeverityText: "severity_text",
	memberLogger:       "logger",
	memberTrace:        "trace_id",
	memberTraceFlags:   "trace_flags",
	memberSpan:         "span_id",
	memberTimeSource:   "log.time_source",
	memberFlags:        "log.flags",
	memberFormat:       "log.format",
}

// memberLabels are the members that LogQL can name, and how it sees them.
var memberLabels = map[string]struct {
	member member
	show   display
}{
	"":                       {memberBody, showPlain},
	"level":                  {memberSeverity, showSeverity},
	"severity_number":        {memberSeverity, showPlain},
	"severity_text":          {memberSeverityText, showPlain},
	"logger":                 {memberLogger, showPlain},
	"trace_id":               {memberTrace, showPlain},
	"span_id":                {memberSpan, showPlain},
	"trace_flags":            {memberTraceFlags, showPlain},
	"log_observed_timestamp": {memberObserved, showPlain},
	"log_stream_id":          {memberStream, showPlain},
	"log_record_offset":      {memberOffset, showPlain},
	"log_time_source":        {memberTimeSource, showTimeSource},
	"log_flags":              {memberFlags, showPlain},
	"log_format":             {memberFormat, showFormat},
}

// display turns the number that is stored into the text that is seen.
type display uint8

const (
	showPlain display = iota
	showSeverity
	showTimeSource
	showFormat
)

func (d display) text(n uint8) string {
	switch d {
	case showSeverity:
		return record.SeverityName(n)
	case showTimeSource:
		return record.TimeSource(n).String()
	}
	return record.FormatName(n)
}

// canonical returns the name under which a column is queried: Grafana's
// detected_level is level.
func canonical(label string) string {
	if label == "detected_level" {
		return "level"
	}
	return label
}

// LabelName returns the LogQL spelling of an attribute's name: every character
// that is not an ASCII letter, digit or underscore becomes an underscore, and
// one comes before a digit at the start, or stands for an empty name.
func LabelName(name string) string {
	if isLabel(name) {
		return name
	}
	var b strings.Builder
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		b.WriteByte('_')
	}
	for _, r := range name {
		if r < 0x80 && tokenByte[byte(r)] {
			b.WriteByte(byte(r))
		} else {
			b.WriteByte('_')
		}
	}
	return b.String()
}

func isLabel(name string) bool {
	for i := range len(name) {
		if name[i] >= 0x80 || !tokenByte[name[i]] {
			return false
		}
	}
	return name != "" && (name[0] < '0' || name[0] > '9')
}

// spells reports whether label is the LogQL spelling of name, without making it.
func spells(name, label string) bool {
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		if label == "" || label[0] != '_' {
			return false
		}
		label = label[1:]
	}
	for _, r := range name {
		want := byte('_')
		if r < 0x80 && tokenByte[byte(r)] {
			want = byte(r)
		}
		if label == "" || label[0] != want {
			return false
		}
		label = label[1:]
	}
	return label == ""
}
