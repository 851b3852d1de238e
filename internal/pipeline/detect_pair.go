package pipeline

import "bytes"

// maxName bounds the name in front of a separator.
const maxName = 64

// pair looks for the value behind the separator v[i], = or :, if the name in
// front of it is that of a secret. Name and value can be in quotes, and the
// quotes can be escaped: the text may be JSON in JSON.
func pair(v []byte, i, floor int) match {
	end := i
	if end > floor && v[end-1] == ' ' {
		end--
	}
	if end > floor && (v[end-1] == '"' || v[end-1] == '\'') {
		end--
	}
	for n := 0; n < 7 && end > floor && v[end-1] == '\\'; n++ {
		end--
	}
	from := end
	for from > floor && end-from < maxName && (is(v[from-1], isWord) || v[from-1] == '.') {
		from--
	}
	if from == end || !isSecretName(v[from:end]) {
		return match{}
	}
	return secretValue(v, i+1, indexFold(v[from:end], "cookie") >= 0)
}

// secretValue finds the value from i on. A cookie has blanks and semicolons.
func secretValue(v []byte, i int, cookie bool) match {
	for n := 0; n < 4 && i < len(v) && (v[i] == ' ' || v[i] == '=' || v[i] == '>' || v[i] == '\t'); n++ {
		i++
	}
	i = unwrapped(v, i)
	var from, to int
	if q, escapes := openQuote(v, i); q > 0 {
		from, to = q, quoted(v, q, v[q-1], escapes)
	} else if i < len(v) && v[i] == '[' {
		from, to = list(v, i+1)
	} else {
		from = i
		if to = plainValue(v, from, cookie); hasScheme(v[from:to]) {
			to = plainValue(v, run(v, to, isSpace), cookie)
		}
	}
	for _, scheme := range [...]string{"bearer", "basic", "token", "digest"} {
		if n := len(scheme); to-from > n && equalFold(v[from:from+n], scheme) && is(v[from+n], isSpace) {
			from = run(v[:to], from+n, isSpace)
		}
	}
	if isNoSecret(v[from:to]) {
		return match{}
	}
	return match{from: from, to: to, detector: Password}
}

// openQuote returns the first byte within the quotation mark at v[i], which
// backslashes can be in front of, and their number; 0 if there is none.
func openQuote(v []byte, i int) (within, escapes int) {
	for escapes < 8 && i < len(v) && v[i] == '\\' {
		i, escapes = i+1, escapes+1
	}
	if i < len(v) && (v[i] == '"' || v[i] == '\'') {
		return i + 1, escapes
	}
	return 0, escapes
}

// unwrapped passes over what Rust's Debug puts around a value: Some(x), Secret("x").
func unwrapped(v []byte, i int) int {
	for range 4 {
		n := run(v, i, isWord)
		if n == i || n == len(v) || v[n] != '(' {
			break
		}
		if q, _ := openQuote(v, n+1); q == 0 && string(v[i:n]) != "Some" {
			break
		}
		i = n + 1
	}
	return i
}

// list returns what is within the brackets before v[i]: all of the texts in
// quotes, with what is between them, or all up to the other bracket.
func list(v []byte, i int) (from, to int) {
	i = run(v, i, isSpace)
	q, escapes := openQuote(v, i)
	if q == 0 {
		to = i
		for to < len(v) && v[to] != ']' && v[to] != '{' && v[to] != '[' && v[to] != '"' && v[to] != '\n' {
			to++
		}
		return i, to
	}
	for from = q; ; {
		to = quoted(v, q, v[q-1], escapes)
		next := run(v, min(to+escapes+1, len(v)), isSpace)
		if next == len(v) || v[next] != ',' {
			return from, to
		}
		if q, _ = openQuote(v, run(v, next+1, isSpace)); q == 0 {
			return from, to
		}
	}
}

// quoted returns the end of a text that a quote behind as many backslashes closes.
func quoted(v []byte, i int, quote byte, escapes int) int {
	slashes := 0
	for ; i < len(v); i++ {
		switch v[i] {
		case '\\':
			slashes++
			continue
		case quote:
			if escapes == 0 && slashes%2 == 0 || escapes > 0 && slashes <= escapes {
				return i - min(slashes, escapes)
			}
		}
		slashes = 0
	}
	return i
}

func plainValue(v []byte, i int, cookie bool) int {
	if i < len(v) && v[i] == '{' {
		return i
	}
	for ; i < len(v); i++ {
		switch v[i] {
		case '\r', '\n', '"', '\'', '\\':
			return i
		case ' ', '\t', ',', ';', '&', '<', '>', '|', ')', '}', ']':
			if !cookie {
				return i
			}
		}
	}
	return i
}

// hasScheme reports whether v is the first word of an Authorization header.
func hasScheme(v []byte) bool {
	return equalFold(v, "bearer") || equalFold(v, "basic") || equalFold(v, "token") || equalFold(v, "digest")
}

// isNoSecret reports whether a value says nothing.
func isNoSecret(v []byte) bool {
	for _, s := range [...]string{"", "null", "nil", "none", "true", "false", "undefined"} {
		if equalFold(v, s) {
			return true
		}
	}
	return len(bytes.Trim(v, "*")) == 0
}
