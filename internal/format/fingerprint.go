package format

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"

	"shipper/internal/record"
)

// maxFrames is how many functions tell one crash from another.
const maxFrames = 5

// exceptionKeys are the bits of head.names that a record with an exception's
// type or stack trace has; others may have them, too.
var exceptionKeys = nameBit("exception.type") | nameBit("exception.stacktrace")

func nameBit(name string) uint64 { return 1 << (keyHash(keyWord([]byte(name)), len(name)) % 64) }

// fingerprint adds exception.fingerprint, 16 hexadecimal digits that equal
// crashes share: a hash over the type and the names of the first functions of
// the stack trace that are the program's own. What differs from run to run,
// build to build and line to line is left out: addresses, arguments, numbers of
// goroutines, closures and lines, the hashes of Rust's symbols.
//
// A function is the program's own unless it is of the standard library or the
// runtime, by its name, or of a dependency, by its place: a module with a
// version, a vendor directory, cargo's registry. If none is, those of
// dependencies count. Without a stack trace the hash is over the type, the file,
// and the message without numbers and quoted parts.
func (p *Parser) fingerprint() {
	b := p.b
	kind, typed := b.Lookup(p.r, "exception.type")
	stack, traced := b.Lookup(p.r, "exception.stacktrace")
	if !typed && !traced || traced && stack.Kind != record.String {
		return
	}
	h := fnv1a(fnvOffset, b.Bytes(kind.Val))
	own, others := hashFrames(h, b.Bytes(stack.Val))
	switch {
	case traced && own != h:
		h = own
	case traced && others != h:
		h = others
	case !typed:
		return // a stack trace of nothing
	default:
		if file, ok := b.Lookup(p.r, "code.file.path"); ok {
			h = fnv1a(h, b.Bytes(file.Val))
		}
		if message, ok := b.Lookup(p.r, "exception.message"); ok {
			h = hashMasked(h, b.Bytes(message.Val))
		}
	}
	at := len(b.Arena)
	var sum [8]byte
	binary.BigEndian.PutUint64(sum[:], h)
	b.Arena = hex.AppendEncode(b.Arena, sum[:])
	p.addText(nameFingerprint, record.Span{Off: uint32(at), Len: 16})
}

// hashFrames adds the program's own functions and those of dependencies in a
// stack trace to h.
func hashFrames(h uint64, stack []byte) (own, others uint64) {
	own, others = h, h
	n, m := 0, 0
	for n < maxFrames && len(stack) > 0 {
		line, rest, _ := bytes.Cut(stack, []byte{'\n'})
		stack = rest
		place, _, _ := bytes.Cut(rest, []byte{'\n'})
		name, foreign := goFunction(line, place)
		if name == nil {
			name, foreign = rustFunction(line, place)
		}
		switch {
		case len(line) == 0 && n+m > 0:
			return own, others // the next goroutine
		case name == nil:
		case !foreign:
			own = hashName(own, name)
			n++
		case m < maxFrames:
			others = hashName(others, name)
			m++
		}
	}
	return own, others
}

// goFunction returns the name of the function in a line of a Go stack trace, nil
// if there is none that says anything, and whether it is of a dependency. The
// place is the line behind it.
func goFunction(line, place []byte) (name []byte, foreign bool) {
	if len(place) == 0 || place[0] != '\t' && place[0] != '/' && !bytes.HasPrefix(place, []byte("    ")) || len(line) == 0 || line[0] == '\t' {
		return nil, false
	}
	name = bytes.TrimLeft(line, " ") // race reports are indented
	if len(name) == 0 || bytes.HasPrefix(name, []byte("created by ")) || bytes.HasPrefix(name, []byte("panic(")) || standardFunction(name) {
		return nil, false
	}
	if name[len(name)-1] == ')' {
		if i := bytes.LastIndexByte(name, '('); i > 0 && name[i-1] != '.' {
			name = name[:i]
		}
	}
	if bytes.IndexByte(name, '.') < 0 || bytes.IndexByte(name, ' ') >= 0 {
		return nil, false
	}
	return name, bytes.Contains(place, []byte("@v")) || bytes.Contains(place, []byte("/vendor/"))
}

// rustFunction is goFunction for a line of a Rust backtrace:
//
//	3: app::main::h0123456789abcdef
//	3:     0x5574d1a0 - app::main
//	         at ./src/main.rs:3:5
func rustFunction(line, place []byte) (name []byte, foreign bool) {
	name = bytes.TrimLeft(line, " ")
	if len(name) == len(line) || bytes.HasPrefix(name, []byte("at ")) {
		return nil, false
	}
	if number, rest, ok := bytes.Cut(name, []byte(": ")); ok && len(number) < 5 && bytes.Trim(number, "0123456789") == nil {
		name = bytes.TrimLeft(rest, " ")
	}
	if bytes.HasPrefix(name, []byte("0x")) {
		if _, rest, ok := bytes.Cut(name, []byte(" - ")); ok {
			name = rest
		}
	}
	if n := len(name) - len("::h0123456789abcdef"); n > 0 && bytes.HasPrefix(name[n:], []byte("::h")) && isHex(name[n+3:]) {
		name = name[:n]
	}
	if len(name) == 0 || bytes.Contains(name, []byte("<unknown>")) || bytes.IndexByte(name, ':') < 0 && string(name) != "main" || rustRuntime(name) {
		return nil, false
	}
	place = bytes.TrimLeft(place, " ")
	if !bytes.HasPrefix(place, []byte("at ")) {
		return name, false
	}
	for _, sign := range [...]string{"/.cargo/", "/cargo/registry/", "/registry/src/", "/rustc/", "/vendor/"} {
		if bytes.Contains(place, []byte(sign)) {
			return name, true
		}
	}
	return name, false
}

// rustRuntime reports whether a function is the standard library's or that of an
// executor.
func rustRuntime(name []byte) bool {
	name = bytes.TrimLeft(name, "<")
	for _, prefix := range [...]string{"std::", "core::", "alloc::", "rust_", "__rust", "_rust", "__libc", "_start", "backtrace::", "tokio::runtime::",
		"tokio::task::", "tokio::park::", "clone", "start_thread", "main"} {
		if bytes.HasPrefix(name, []byte(prefix)) {
			return prefix != "main" || len(name) == len(prefix)
		}
	}
	return bytes.Contains(name, []byte(" as core::ops::function::")) || bytes.Contains(name, []byte(" as core::future::"))
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// fnv1a adds text to a 64-bit FNV-1a hash, and an end.
func fnv1a(h uint64, text []byte) uint64 {
	for _, c := range text {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return (h ^ '\n') * fnvPrime
}

// hashName adds the name of a function to h: without digits, which number
// closures and instances, and without what is in brackets, which are types.
func hashName(h uint64, name []byte) uint64 {
	depth := 0
	for _, c := range name {
		switch {
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth = max(depth-1, 0)
		case depth == 0 && c-'0' > 9:
			h = (h ^ uint64(c)) * fnvPrime
		}
	}
	return (h ^ '\n') * fnvPrime
}

// hashMasked adds a message to h: without digits and what is in quotes.
func hashMasked(h uint64, text []byte) uint64 {
	var quote byte
	for _, c := range text {
		switch {
		case quote != 0:
			if c == quote || c == '\n' {
				quote = 0
			}
		case c == '"' || c == '`':
			quote = c
		case c-'0' > 9:
			h = (h ^ uint64(c)) * fnvPrime
		}
	}
	return (h ^ '\n') * fnvPrime
}

func isHex(text []byte) bool {
	for _, c := range text {
		if c-'0' > 9 && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
