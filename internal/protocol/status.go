package protocol

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxAfter bounds what Judge makes of a Retry-After: more is not a time to
// wait, and a Duration could not hold it. Senders have a cap of their own.
const maxAfter = 10 * 365 * 24 * time.Hour

// Judge returns the verdict that a status has by default; a protocol looks
// further where it says more in the body.
//
//	2xx            Accepted
//	401, 403, 407  Unauthorized
//	413            Split
//	404, 405, 415  Retry: the address is wrong, not the records; nothing is given up for a typo
//	408, 425, 429  Retry, not before Retry-After
//	4xx            Rejected
//	3xx            Retry: a redirect is never followed, since a POST would become a GET
//	1xx, 5xx       Retry, not before Retry-After
//
// body is what there is of the body; only its first line is used.
func Judge(code int, h http.Header, body []byte) Verdict {
	v := Verdict{Outcome: outcome(code), Reason: reason(code, body)}
	switch {
	case code >= 200 && code < 300:
		v.Reason = ""
	case code >= 300 && code < 400:
		v.Reason = fmt.Sprintf("%s: redirect to %s refused: set the output's url to where the records shall go",
			status(code), place(h.Get("Location")))
	case code == http.StatusNotFound || code == http.StatusMethodNotAllowed || code == http.StatusUnsupportedMediaType:
		v.Reason += " (check the path and the protocol of the output's url)"
	}
	if v.Outcome == Retry {
		v.After = retryAfter(h.Get("Retry-After"), time.Now())
	}
	return v
}

func outcome(code int) Outcome {
	switch code {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return Unauthorized
	case http.StatusRequestEntityTooLarge:
		return Split
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType:
		return Retry
	}
	switch code / 100 {
	case 2:
		return Accepted
	case 4:
		return Rejected
	}
	return Retry
}

// retryAfter reads a Retry-After (RFC 9110, 10.2.3): seconds or a date. What is
// neither, or past, is 0.
func retryAfter(s string, now time.Time) time.Duration {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0
	}
	if strings.Trim(s, "0123456789") == "" {
		n, err := strconv.ParseUint(s, 10, 63)
		if err != nil || n > uint64(maxAfter/time.Second) {
			return maxAfter
		}
		return time.Duration(n) * time.Second
	}
	t, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	return min(max(t.Sub(now), 0), maxAfter)
}

func status(code int) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
}

func reason(code int, body []byte) string {
	if text := firstLine(body); text != "" {
		return status(code) + ": " + text
	}
	return status(code)
}

// maxReason is how much of a receiver's text goes into a log, in bytes.
const maxReason = 240

// firstLine is what body says in its first line that is not empty, or in the
// "error" of a JSON object, fit for a log.
func firstLine(body []byte) string {
	var object struct{ Error string }
	if json.Unmarshal(body, &object) == nil && object.Error != "" {
		body = []byte(object.Error)
	}
	text := strings.TrimLeft(string(body[:min(len(body), 4*maxReason)]), "\r\n\t ")
	text, _, _ = strings.Cut(text, "\n")
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "..."
	}
	return strings.TrimSpace(text)
}

// place is the part of an URL that has no secrets in it.
func place(location string) string {
	u, err := url.Parse(location)
	if err != nil || location == "" {
		return "an unknown place"
	}
	return strconv.Quote((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

// WriteVerdict answers with the status that Judge reads v from, and v's Reason
// and Lost as a JSON object. After is rounded up to whole seconds.
func WriteVerdict(w http.ResponseWriter, v Verdict) error {
	code := [...]int{http.StatusServiceUnavailable, http.StatusOK, http.StatusRequestEntityTooLarge,
		http.StatusBadRequest, http.StatusUnauthorized}[v.Outcome]
	if v.After > 0 && v.Outcome == Retry {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((v.After+time.Second-1)/time.Second), 10))
	}
	return WriteJSON(w, code, struct {
		Error string `json:"error,omitempty"`
		Lost  int    `json:"lost,omitempty"`
	}{v.Reason, v.Lost})
}

// WriteJSON answers with v as JSON and its length, so that a sender sees if
// the end is missing.
func WriteJSON(w http.ResponseWriter, code int, v any) error {
	p, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode reply: %w", err)
	}
	p = append(p, '\n')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(p)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	if _, err := w.Write(p); err != nil {
		return fmt.Errorf("write reply: %w", err)
	}
	return nil
}

// Lost returns how many records the body of WriteVerdict says were not stored.
func Lost(body []byte) int {
	var object struct{ Lost int }
	if len(body) == 0 || body[0] != '{' || json.Unmarshal(body, &object) != nil {
		return 0
	}
	return max(object.Lost, 0)
}
