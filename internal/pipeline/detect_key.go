package pipeline

import (
	"bytes"
	"strings"
)

// jwt looks for a token whose "eyJ" ends at v[i]: {" in base64url, so a header,
// and parts with dots between them.
func jwt(v []byte, i, floor int) match {
	from := i - 2
	if from < floor || v[from] != 'e' || v[from+1] != 'y' || from > 0 && is(v[from-1], isWord) {
		return match{}
	}
	dots, to := 0, from
	for to < len(v) && (is(v[to], isWord) || v[to] == '.') {
		if v[to] == '.' {
			dots++
		}
		to++
	}
	if to-from < 20 || dots == 0 || dots == 1 && !bytes.Contains(v[i:to], []byte(".eyJ")) {
		return match{}
	}
	return match{from: from, to: to, detector: JWT}
}

// bearer looks for "Bearer" and a token behind it at v[i].
func bearer(v []byte, i int) match {
	const word = "bearer"
	if len(v)-i < len(word)+8 || !equalFold(v[i:i+len(word)], word) || i > 0 && is(v[i-1], isAlnum) {
		return match{}
	}
	from := run(v, i+len(word), isSpace)
	if from == i+len(word) {
		return match{}
	}
	to, digit := from, false
	for to < len(v) && (is(v[to], isWord|isBase64) || v[to] == '.' || v[to] == '~') {
		digit = digit || is(v[to], isDigit)
		to++
	}
	if to-from < 8 || !digit && to-from < 20 {
		return match{}
	}
	return match{from: from, to: to, detector: Bearer}
}

// awsKey looks for an access key ID such as AKIA and 16 more, at the I of v[i].
func awsKey(v []byte, i, floor int) match {
	from, to := i-2, i+18
	if from < floor || to > len(v) || v[from] != 'A' || strings.IndexByte("KSB", v[i-1]) < 0 || v[i+1] != 'A' ||
		run(v[:to], i, isUpper|isDigit) != to || !bounded(v, from-1, isAlnum) || !bounded(v, to, isAlnum) {
		return match{}
	}
	return match{from: from, to: to, detector: AWSKey}
}

// gcpKey looks for an API key, AIza and 35 more, at the I of v[i].
func gcpKey(v []byte, i, floor int) match {
	from, to := i-1, i+38
	if from < floor || to > len(v) || v[from] != 'A' || v[i+1] != 'z' || v[i+2] != 'a' ||
		run(v[:to], i, isWord) != to || !bounded(v, from-1, isAlnum) {
		return match{}
	}
	return match{from: from, to: run(v, to, isWord), detector: GCPKey}
}

// gcpToken looks for an OAuth access token, ya29. and more, at v[i].
func gcpToken(v []byte, i int) match {
	if !bytes.HasPrefix(v[i:], []byte("ya29.")) || !bounded(v, i-1, isAlnum) {
		return match{}
	}
	to := i + 5
	for to < len(v) && (is(v[to], isWord) || v[to] == '.') {
		to++
	}
	if to-i < 25 {
		return match{}
	}
	return match{from: i, to: to, detector: GCPKey}
}

// githubKey looks for ghp_, gho_, ghu_, ghs_, ghr_ or github_pat_ at the _ of v[i].
func githubKey(v []byte, i, floor int) match {
	from, least := i-3, 30
	switch {
	case from >= floor && v[from] == 'g' && v[from+1] == 'h' && strings.IndexByte("pousr", v[from+2]) >= 0:
	case i-floor >= 6 && string(v[i-6:i]) == "github" && bytes.HasPrefix(v[i:], []byte("_pat_")):
		from, least = i-6, 26
	default:
		return match{}
	}
	to := run(v, i+1, isWord)
	if to-i <= least || !bounded(v, from-1, isAlnum) {
		return match{}
	}
	return match{from: from, to: to, detector: GitHubKey}
}

// slackKey looks for xoxb- and its like, or xapp-, at the - of v[i].
func slackKey(v []byte, i, floor int) match {
	from := i - 4
	if from < floor || v[from] != 'x' {
		return match{}
	}
	if kind := string(v[from+1 : i]); kind != "app" && (kind[:2] != "ox" || strings.IndexByte("abceoprs", kind[2]) < 0) {
		return match{}
	}
	to := run(v, i+1, isWord)
	if to-i <= 10 || !bounded(v, from-1, isAlnum) {
		return match{}
	}
	return match{from: from, to: to, detector: SlackKey}
}

// slackHook looks for the path of a webhook, which is all it takes to post, behind
// the colon v[i].
func slackHook(v []byte, i int) match {
	const host = "://hooks.slack.com/"
	if !bytes.HasPrefix(v[i:], []byte(host)) {
		return match{}
	}
	from := i + len(host)
	to := from
	for to < len(v) && (is(v[to], isWord) || v[to] == '/') {
		to++
	}
	return match{from: from, to: to, detector: SlackKey}
}

const (
	pemBegin = "-----BEGIN "
	pemEnd   = "-----END "
)

// pem looks for a block that begins at v[i]. One without an end goes to that of v.
func pem(v []byte, i int) match {
	if !bytes.HasPrefix(v[i:], []byte(pemBegin)) {
		return match{}
	}
	return match{from: i, to: pemBlock(v, i+len(pemBegin)), detector: PEM}
}

// pemBlock returns where the block ends that v[i] is within.
func pemBlock(v []byte, i int) int {
	n := bytes.Index(v[i:], []byte(pemEnd))
	if n < 0 {
		return len(v)
	}
	i += n + len(pemEnd)
	if n = bytes.Index(v[i:], []byte("-----")); n < 0 {
		return len(v)
	}
	return i + n + 5
}

// isPEMLine reports whether v can be a line within a PEM block.
func isPEMLine(v []byte) bool { return len(v) > 0 && len(v) <= 76 && run(v, 0, isBase64) == len(v) }

// isPEMHeader reports whether v is a line in front of an encrypted key, or the
// blank one behind those.
func isPEMHeader(v []byte) bool {
	return len(v) == 0 || bytes.HasPrefix(v, []byte("Proc-Type: ")) || bytes.HasPrefix(v, []byte("DEK-Info: "))
}

// looksLikePEM reports whether v is a whole line of a PEM block that nobody
// saw the beginning of: base64 of several kinds that fills a line, as OpenSSL,
// OpenSSH or MIME have them, or, in text of no format, is padded as the last one.
func looksLikePEM(v []byte, plain bool) bool {
	switch n := len(v); {
	case n == 64, n == 70, n == 76:
	case plain && n >= 16 && n < 76 && n%4 == 0 && v[n-1] == '=':
	default:
		return false
	}
	if !isPEMLine(v) {
		return false
	}
	var kinds uint8
	for _, c := range v {
		kinds |= classes[c]
	}
	return kinds&isUpper != 0 && kinds&isLower != 0 && kinds&isDigit != 0
}
