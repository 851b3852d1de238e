package otlp

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"shipper/internal/protocol"
)

// A unary call of gRPC is a POST over HTTP/2 whose body is one message with five
// bytes before it: whether it is compressed, and its length. The answer is 200
// with such a message; how the call went is in the trailer Grpc-Status, or, if
// there is no message, in a header. See "gRPC over HTTP2" of gRPC.

// grpcPrefix is how many bytes are before a message.
const grpcPrefix = 5

// The status codes of gRPC.
const (
	grpcOK                = 0
	grpcCancelled         = 1
	grpcUnknown           = 2
	grpcInvalidArgument   = 3
	grpcDeadlineExceeded  = 4
	grpcPermissionDenied  = 7
	grpcResourceExhausted = 8
	grpcAborted           = 10
	grpcOutOfRange        = 11
	grpcUnimplemented     = 12
	grpcUnavailable       = 14
	grpcDataLoss          = 15
	grpcUnauthenticated   = 16
)

var grpcNames = [...]string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
	"ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
	"UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}

// grpcCode is the gRPC status that stands for an HTTP status in a Status.
func grpcCode(code int) int {
	switch code {
	case http.StatusUnauthorized:
		return grpcUnauthenticated
	case http.StatusForbidden:
		return grpcPermissionDenied
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType:
		return grpcUnimplemented
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return grpcResourceExhausted
	case http.StatusRequestTimeout:
		return grpcDeadlineExceeded
	}
	if code >= 500 {
		return grpcUnavailable
	}
	return grpcInvalidArgument
}

// judgeGRPC judges the answer to a call. The specification of OTLP names the
// codes that can be sent again. A message that is too large for the receiver is
// split; a service that is not there is a wrong address, and no reason to give
// up records.
func (e *Encoder) judgeGRPC(code int, h http.Header, body []byte) protocol.Verdict {
	if code != http.StatusOK {
		return judge(code, h, body)
	}
	text := h.Get("Grpc-Status")
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return protocol.Verdict{Reason: "200 without a status of gRPC: is this the right url, and the port for gRPC?"}
	}
	if n == grpcOK {
		return e.judgeMessage(h, body)
	}
	v := protocol.Verdict{Outcome: protocol.Rejected, Reason: grpcReason(int(n), h.Get("Grpc-Message"))}
	details, detailed := readDetails(h)
	switch n {
	case grpcCancelled, grpcDeadlineExceeded, grpcAborted, grpcOutOfRange, grpcUnavailable, grpcDataLoss:
		v.Outcome, v.After = protocol.Retry, details.after
	case grpcResourceExhausted:
		switch {
		case detailed && details.retry:
			v.Outcome, v.After = protocol.Retry, details.after
		case strings.Contains(v.Reason, "larger than max"):
			v.Outcome = protocol.Split
		}
	case grpcUnauthenticated, grpcPermissionDenied:
		v.Outcome = protocol.Unauthorized
	case grpcUnimplemented:
		v.Outcome = protocol.Retry
		v.Reason += " (check the path and the protocol of the output's url)"
	}
	return v
}

// maxMessage bounds the answer of a call after decompression.
const maxMessage = 4 << 20

// judgeMessage reads the answer of a call that went well. A server compresses it
// as the request was, asked for or not.
func (e *Encoder) judgeMessage(h http.Header, body []byte) protocol.Verdict {
	if len(body) < grpcPrefix || int64(binary.BigEndian.Uint32(body[1:])) != int64(len(body)-grpcPrefix) {
		return protocol.Verdict{Reason: errFrame.Error()}
	}
	message := body[grpcPrefix:]
	if body[0] != 0 {
		var err error
		if message, err = e.decompressor.Append(nil, message, h.Get("Grpc-Encoding"), maxMessage); err != nil {
			return protocol.Verdict{Reason: "answer of a gRPC call: " + err.Error()}
		}
	}
	v := protocol.Verdict{Outcome: protocol.Accepted}
	var err error
	if v.Lost, v.Reason, err = readResponse(message); err != nil {
		return protocol.Verdict{Reason: errFrame.Error()}
	}
	return v
}

// grpcReason is what a log says of a status, fit for a log.
func grpcReason(n int, message string) string {
	name := "code " + strconv.Itoa(n)
	if n < len(grpcNames) {
		name = grpcNames[n]
	}
	if text, err := url.PathUnescape(message); err == nil {
		message = text
	}
	// Judge cuts what is too long and takes out what cannot be printed.
	_, message, _ = strings.Cut(protocol.Judge(http.StatusBadRequest, nil, []byte(message)).Reason, ": ")
	if message == "" {
		return "gRPC " + name
	}
	return "gRPC " + name + ": " + message
}

// readDetails reads the Status that a trailer may have in base64.
func readDetails(h http.Header) (s rpcStatus, ok bool) {
	text := strings.TrimRight(h.Get("Grpc-Status-Details-Bin"), "=")
	if text == "" {
		return s, false
	}
	p, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return s, false
	}
	s, err = readStatus(protobufType, p)
	return s, err == nil
}
