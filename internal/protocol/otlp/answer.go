package otlp

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"shipper/internal/protobuf"
	"shipper/internal/protocol"
)

// Verdict judges the answer to r. Over HTTP the specification lets 429, 502, 503
// and 504 be sent again and nothing else; what is about the address or the
// credentials is still no reason to give up records (see protocol.Judge). Any
// other status is Rejected. An Accepted answer may say that some records were
// not stored. For gRPC h has the trailers, too.
func (e *Encoder) Verdict(_ *protocol.Request, code int, h http.Header, body []byte) protocol.Verdict {
	if e.Form == GRPC {
		return e.judgeGRPC(code, h, body)
	}
	v := judge(code, h, body)
	if v.Outcome != protocol.Accepted {
		return v
	}
	return judgeResponse(code, h.Get("Content-Type"), body)
}

// judge is protocol.Judge by the rules of OTLP, with the text of a Status.
func judge(code int, h http.Header, body []byte) protocol.Verdict {
	text := body
	if protocol.MediaType(h.Get("Content-Type")) == protobufType || protocol.MediaType(h.Get("Content-Type")) == jsonType {
		if s, err := readStatus(h.Get("Content-Type"), body); err == nil && len(s.message) > 0 {
			text = s.message
		}
	}
	v := protocol.Judge(code, h, text)
	if v.Outcome == protocol.Retry && final(code) {
		v.Outcome, v.After = protocol.Rejected, 0
	}
	return v
}

// final reports whether a status that other protocols retry ends a request here.
func final(code int) bool {
	switch code {
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return true
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return false
	}
	return code >= 500 && code < 600
}

// judgeResponse reads an ExportLogsServiceResponse. An empty one is fine; what
// is none, such as the page of a login, is no ack.
func judgeResponse(code int, contentType string, body []byte) protocol.Verdict {
	none := protocol.Verdict{Reason: strconv.Itoa(code) + " without the answer of an OTLP receiver: is this the right url?"}
	v := protocol.Verdict{Outcome: protocol.Accepted}
	if len(body) == 0 {
		return v
	}
	switch protocol.MediaType(contentType) {
	case "text/html":
		return none
	case protobufType:
	case jsonType:
		var err error
		if body, err = toProto(nil, body, exportResponse); err != nil {
			return none
		}
	default:
		return v
	}
	var err error
	if v.Lost, v.Reason, err = readResponse(body); err != nil {
		return none
	}
	return v
}

// readResponse reads the partial success of an ExportLogsServiceResponse: how
// many records were rejected and why. A reason without any is a warning.
func readResponse(p []byte) (rejected int, reason string, err error) {
	for len(p) > 0 {
		f, rest, err := protobuf.Next(p)
		if err != nil {
			return 0, "", err
		}
		p = rest
		if !f.Is(1, protobuf.Bytes) {
			continue
		}
		for part := f.Bytes; len(part) > 0; {
			g, after, err := protobuf.Next(part)
			if err != nil {
				return 0, "", err
			}
			part = after
			switch {
			case g.Is(1, protobuf.Varint):
				rejected = int(max(int64(g.Value), 0))
			case g.Is(2, protobuf.Bytes):
				reason = string(bytes.ToValidUTF8(g.Bytes, nil))
			}
		}
	}
	return rejected, reason, nil
}

// rpcStatus is a google.rpc.Status.
type rpcStatus struct {
	message []byte
	after   time.Duration // of a RetryInfo among the details
	retry   bool          // there is one
}

func readStatus(contentType string, body []byte) (s rpcStatus, err error) {
	if protocol.MediaType(contentType) == jsonType {
		if body, err = toProto(nil, body, status); err != nil {
			return s, err
		}
	}
	for p := body; len(p) > 0; {
		f, rest, err := protobuf.Next(p)
		if err != nil {
			return s, err
		}
		p = rest
		switch {
		case f.Is(2, protobuf.Bytes):
			s.message = f.Bytes
		case f.Is(3, protobuf.Bytes):
			if err := s.readDetail(f.Bytes); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

// retryInfo is the type of a google.protobuf.Any that has a RetryInfo.
const retryInfo = "type.googleapis.com/google.rpc.RetryInfo"

// readDetail reads a google.protobuf.Any.
func (s *rpcStatus) readDetail(p []byte) error {
	var typ, value []byte
	for len(p) > 0 {
		f, rest, err := protobuf.Next(p)
		if err != nil {
			return err
		}
		p = rest
		switch {
		case f.Is(1, protobuf.Bytes):
			typ = f.Bytes
		case f.Is(2, protobuf.Bytes):
			value = f.Bytes
		}
	}
	if string(typ) != retryInfo {
		return nil
	}
	s.retry = true
	for len(value) > 0 {
		f, rest, err := protobuf.Next(value)
		if err != nil {
			return err
		}
		value = rest
		if f.Is(1, protobuf.Bytes) {
			if s.after, err = readDuration(f.Bytes); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxAfter bounds the wait that a receiver can ask for. Senders have a cap of their own.
const maxAfter = 365 * 24 * time.Hour

// readDuration reads a google.protobuf.Duration, at most maxAfter.
func readDuration(p []byte) (d time.Duration, err error) {
	for len(p) > 0 {
		f, rest, err := protobuf.Next(p)
		if err != nil {
			return 0, err
		}
		p = rest
		switch {
		case f.Is(1, protobuf.Varint):
			d += time.Duration(min(max(int64(f.Value), 0), int64(maxAfter/time.Second))) * time.Second
		case f.Is(2, protobuf.Varint):
			d += time.Duration(min(max(int64(f.Value), 0), int64(time.Second)))
		}
	}
	return min(d, maxAfter), nil
}

// Reply answers a request over HTTP in its own content type. With code 200 it is
// an ExportLogsServiceResponse, with v's Lost and Reason as its partial success;
// with any other a Status with v's Reason, which is to come again after v.After
// if that is not 0.
func Reply(w http.ResponseWriter, contentType string, code int, v protocol.Verdict) error {
	m, p := exportResponse, []byte(nil)
	switch {
	case code != http.StatusOK:
		m, p = status, protobuf.AppendUint(nil, 1, uint64(grpcCode(code)))
		p = protobuf.AppendBytes(p, 2, v.Reason)
	case v.Lost > 0 || v.Reason != "":
		dst, start := protobuf.Open(nil, 1, 1)
		if v.Lost > 0 {
			dst = protobuf.AppendUint(dst, 1, uint64(v.Lost))
		}
		if v.Reason != "" {
			dst = protobuf.AppendBytes(dst, 2, v.Reason)
		}
		p = protobuf.Close(dst, start, 1)
	}
	answerType := protobufType
	if protocol.MediaType(contentType) == jsonType {
		answerType = jsonType
		var err error
		if p, err = appendJSON(nil, p, m); err != nil {
			return fmt.Errorf("encode reply: %w", err)
		}
	}
	h := w.Header()
	h.Set("Content-Type", answerType)
	h.Set("Content-Length", strconv.Itoa(len(p)))
	h.Set("X-Content-Type-Options", "nosniff")
	if v.After > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((v.After+time.Second-1)/time.Second), 10))
	}
	w.WriteHeader(code)
	if _, err := w.Write(p); err != nil {
		return fmt.Errorf("write reply: %w", err)
	}
	return nil
}

// errFrame is an answer that is no gRPC message.
var errFrame = errors.New("the answer is not one gRPC message")
