package deliver

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"shipper/internal/fail"
	"shipper/internal/protocol"
)

// maxAnswer is how much of an answer's body is read. Some protocols answer with
// a line for each record.
const maxAnswer = 4 << 20

// maxText bounds what a failure says, in bytes.
const maxText = 400

// NewClient returns a client as deliveries want it: it follows no redirect,
// decompresses nothing and has time-outs for every step that has no body. The
// time of a whole exchange is RequestTimeout's. A nil config is TLS with the
// system's authorities, a nil proxy the one of the environment (HTTP_PROXY,
// HTTPS_PROXY, NO_PROXY). It speaks HTTP/1.1: with a few requests in flight HTTP/2
// gains nothing and costs CPU.
func NewClient(config *tls.Config, proxy func(*http.Request) (*url.URL, error)) *http.Client {
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  proxy,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        config,
			TLSHandshakeTimeout:    10 * time.Second,
			IdleConnTimeout:        90 * time.Second,
			MaxIdleConnsPerHost:    16,
			OnProxyConnectResponse: judgeProxy,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 64 << 10,
			WriteBufferSize:        128 << 10, // a request of one block, mostly
		},
	}
}

// judgeProxy names the proxy that gives no way through.
func judgeProxy(_ context.Context, proxy *url.URL, _ *http.Request, r *http.Response) error {
	switch {
	case r.StatusCode != http.StatusOK:
		return fmt.Errorf("the proxy %s refuses to connect: %s", proxy.Host, r.Status)
	case r.ContentLength > 0 || len(r.TransferEncoding) > 0:
		return fmt.Errorf("the proxy %s answers with a page instead of a connection", proxy.Host)
	}
	return nil
}

// NewHTTP2Client is NewClient for protocols that need HTTP/2, such as gRPC: over
// TLS, or without it to http URLs, the receiver knowing beforehand. A connection
// that is dead is found by a ping.
func NewHTTP2Client(config *tls.Config, proxy func(*http.Request) (*url.URL, error)) *http.Client {
	c := NewClient(config, proxy)
	t := c.Transport.(*http.Transport)
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP2(true)
	t.Protocols.SetUnencryptedHTTP2(true)
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second}
	return c
}

// errTimeout is the cause of a request that took too long.
var errTimeout = errors.New("timeout")

// exchange sends r once. key stands for the failure, if it is one, and is the
// same for all failures of a kind.
func (o *Output) exchange(ctx context.Context, r *protocol.Request, h http.Header, up *upload) (v protocol.Verdict, key string) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.RequestTimeout, errTimeout)
	defer cancel()
	defer func() {
		if context.Cause(ctx) == errTimeout {
			o.suspect.Store(true)
		}
	}()
	req, err := o.request(ctx, h, up)
	if err != nil {
		return protocol.Verdict{Reason: err.Error()}, "request"
	}
	if o.suspect.CompareAndSwap(true, false) {
		// What was lost on the way took other kept connections with it, perhaps,
		// and one of HTTP/2 would be used again. Not before now is it idle.
		o.Client.CloseIdleConnections()
	}
	o.Stats.Requests.Add(1)
	o.Stats.Bytes.Add(int64(len(up.body)))
	o.Stats.InFlight.Add(1)
	defer o.Stats.InFlight.Add(-1)
	if err := fail.Point("deliver.send"); err != nil {
		return protocol.Verdict{Reason: err.Error()}, "fail point"
	}
	resp, err := o.Client.Do(req)
	if err != nil {
		reason := o.reason(ctx, err)
		return protocol.Verdict{Reason: reason}, kind(reason)
	}
	defer resp.Body.Close()
	if err := fail.Point("deliver.answered"); err != nil {
		return protocol.Verdict{Reason: err.Error()}, "fail point"
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	maps.Copy(resp.Header, resp.Trailer) // gRPC has its status there
	v = o.Encoder.Verdict(r, resp.StatusCode, resp.Header, answer)
	if v.Outcome == protocol.Accepted {
		switch {
		case err != nil:
			v = protocol.Verdict{Reason: fmt.Sprintf("%d, but the answer broke off: %s", resp.StatusCode, o.reason(ctx, err))}
		case len(answer) > maxAnswer:
			v = protocol.Verdict{Reason: fmt.Sprintf("%d, but the answer has more than %d bytes", resp.StatusCode, maxAnswer)}
		}
	}
	return v, "HTTP " + strconv.Itoa(resp.StatusCode)
}

// request makes an HTTP request whose body can be sent again on another
// connection: net/http does so, as there is an Idempotency-Key, when a
// connection that was kept open turns out to be closed.
func (o *Output) request(ctx context.Context, h http.Header, up *upload) (*http.Request, error) {
	req, err := http.NewRequestWithContext(up.trace(ctx), http.MethodPost, o.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("User-Agent", "shipper")
	maps.Copy(req.Header, *o.headers.Load())
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	maps.Copy(req.Header, h)
	req.Body = up.reader()
	req.GetBody = func() (io.ReadCloser, error) { return up.reader(), nil }
	req.ContentLength = int64(len(up.body))
	return req, nil
}

// reason says why there is no answer.
func (o *Output) reason(ctx context.Context, err error) string {
	if context.Cause(ctx) == errTimeout {
		return "no whole answer within " + o.RequestTimeout.String()
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // it has the method and the URL, which may have a secret in it
	}
	text := err.Error()
	var op *net.OpError
	for inner := err; errors.As(inner, &op); inner = op.Err { // the innermost: others repeat it, with ports
	}
	switch {
	case op != nil:
		text = op.Op + ": " + op.Err.Error()
		if op.Addr != nil {
			text = op.Op + " " + op.Addr.String() + ": " + op.Err.Error()
		}
	case errors.Is(err, io.EOF):
		text = "the connection was closed without an answer"
	case errors.Is(err, io.ErrUnexpectedEOF):
		text = "the connection was closed within the answer"
	}
	return text[:min(len(text), maxText)]
}

// kind is reason without its numbers, such as local ports and the time, which
// change from one failure to the next.
func kind(reason string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, reason)
}

// upload is a body. net/http may read it for longer than it takes until there is
// an answer, or a failure.
type upload struct {
	body    []byte
	readers atomic.Int32 // handed out, and not known to have been read to their end
}

// reader returns what net/http knows to be in memory: it is written with as few
// system calls as there can be.
func (u *upload) reader() io.ReadCloser {
	u.readers.Add(1)
	return io.NopCloser(bytes.NewReader(u.body))
}

// trace has u learn when it was read.
func (u *upload) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(w httptrace.WroteRequestInfo) {
		if w.Err == nil {
			u.readers.Add(-1)
		}
	}})
}

// isRead reports whether nobody reads body any more, for certain.
func (u *upload) isRead() bool { return u.readers.Load() == 0 }

// randN returns a random time below d.
func randN(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}
