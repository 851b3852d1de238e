package query

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"unicode/utf8"

	"shipper/internal/segment"
	"shipper/internal/selector"
)

// queryRange answers /query_range.
func (h *Handler) queryRange(ctx context.Context, p *params) (result, error) {
	expr, err := selector.Parse(p.form.Get("query"))
	if err != nil {
		return nil, err
	}
	start, end, err := p.span(defaultSpan)
	if err != nil {
		return nil, err
	}
	if q, ok := expr.(*selector.Query); ok {
		return h.streams(ctx, p, translate(q, start, end))
	}
	step, err := p.step(start, end)
	if err != nil {
		return nil, err
	}
	return h.matrix(ctx, expr, start, end, step)
}

// streams answers a log query: at most limit entries, each stream's together.
func (h *Handler) streams(ctx context.Context, p *params, q segment.Query) (result, error) {
	var err error
	if q.Limit, err = p.limit(); err != nil {
		return nil, err
	}
	if q.Backward, err = p.backward(); err != nil {
		return nil, err
	}
	s := streamSet{at: map[string]int{}, categorize: p.categorize}
	if err := h.Store.Search(ctx, q, s.add); err != nil {
		return nil, err
	}
	return func(dst []byte) []byte {
		dst = append(dst, `{"status":"success","data":{"resultType":"streams",`...)
		if s.categorize {
			dst = append(dst, `"encodingFlags":["categorize-labels"],`...)
		}
		dst = append(dst, `"result":[`...)
		for i, st := range s.streams {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, `{"stream":{`...)
			dst = append(dst, st.labels...)
			dst = append(dst, `},"values":[`...)
			dst = append(dst, st.values...)
			dst = append(dst, `]}`...)
		}
		dst = append(dst, `],"stats":`...)
		return append(append(dst, emptyStats...), "}}\n"...)
	}, nil
}

// emptyStats is there because clients ask for its members.
const emptyStats = `{"summary":{"bytesProcessedPerSecond":0,"linesProcessedPerSecond":0,"totalBytesProcessed":0,"totalLinesProcessed":0,"execTime":0,"queueTime":0,"subqueries":0,"totalEntriesReturned":0},"querier":{},"ingester":{}}`

// streamSet collects entries by their stream, both as JSON.
type streamSet struct {
	categorize bool
	streams    []stream
	at         map[string]int // of a stream by its labels

	attributes []attribute
	text       []byte
	labels     []byte
	metadata   []byte
}

type stream struct{ labels, values []byte }

// attribute is one of the row being added; the name and the value are in streamSet.text.
type attribute struct {
	label    string
	from, to int
	stream   bool
}

func (s *streamSet) add(r segment.Row) bool {
	s.collect(r)
	s.labels, s.metadata = s.labels[:0], s.metadata[:0]
	for _, a := range s.attributes {
		dst := &s.labels
		if s.categorize && a.label != streamLabel && !a.stream {
			dst = &s.metadata
		}
		if len(*dst) > 0 {
			*dst = append(*dst, ',')
		}
		*dst = appendString(*dst, a.label)
		*dst = append(*dst, ':')
		*dst = appendString(*dst, s.text[a.from:a.to])
	}
	i, ok := s.at[string(s.labels)]
	if !ok {
		i = len(s.streams)
		s.at[string(s.labels)] = i
		s.streams = append(s.streams, stream{labels: bytes.Clone(s.labels)})
	}
	st := &s.streams[i]
	if len(st.values) > 0 {
		st.values = append(st.values, ',')
	}
	st.values = append(st.values, `["`...)
	st.values = strconv.AppendInt(st.values, r.Time, 10)
	st.values = append(st.values, `",`...)
	st.values = appendString(st.values, r.Body)
	if s.categorize {
		st.values = append(st.values, `,{`...)
		if len(s.metadata) > 0 {
			st.values = append(st.values, `"structuredMetadata":{`...)
			st.values = append(st.values, s.metadata...)
			st.values = append(st.values, '}')
		}
		st.values = append(st.values, '}')
	}
	st.values = append(st.values, ']')
	return true
}

// collect gathers the attributes of a row by label, sorted. What the record
// says of itself goes before what its stream says.
func (s *streamSet) collect(r segment.Row) {
	s.attributes, s.text = s.attributes[:0], s.text[:0]
	for a := range r.Attributes {
		from := len(s.text)
		s.text = append(s.text, a.Text...)
		s.attributes = append(s.attributes, attribute{a.Label, from, len(s.text), a.Stream})
	}
	slices.SortStableFunc(s.attributes, func(a, b attribute) int {
		switch {
		case a.label != b.label:
			return bytes.Compare([]byte(a.label), []byte(b.label))
		case a.stream == b.stream:
			return 0
		case a.stream:
			return 1
		}
		return -1
	})
	s.attributes = slices.CompactFunc(s.attributes, func(a, b attribute) bool { return a.label == b.label })
}

// appendString appends s as a JSON string.
func appendString[T string | []byte](dst []byte, s T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			dst = append(append(dst, s[start:i]...), "\uFFFD"...)
			i++
			start = i
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}
