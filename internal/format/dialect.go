package format

import (
	"bytes"

	"shipper/internal/record"
)

// dialect returns which library wrote an object, by its first and last keys and
// by the form of the values; FormatJSON if that is not certain.
func (p *Parser) dialect() uint8 {
	h := &p.head
	t := &h.taken
	first, second, third := h.first()
	if f := p.rustDialect(); f != 0 {
		return f
	}
	switch {
	case t[roleLevel] == keyHclogLevel && t[roleMessage] == keyHclogMessage:
		return record.FormatHclogJSON
	case h.flags&numberLevel != 0:
		if p.bunyan() {
			return record.FormatBunyan
		}
	case first == keyTime && second == keyLevel && (third == keyMsg || third == keySource) && h.flags&upperLevel != 0:
		return record.FormatSlogJSON
	case h.last == keyMessage && (first == keyLevel || p.hint == record.FormatZerologJSON):
		return record.FormatZerologJSON
	case first == keyLevel && t[roleTime] == keyTs && t[roleMessage] == keyMsg && (h.flags&numberTime != 0 || second == keyTs):
		return record.FormatZapJSON
	case t[roleTime] == keyTime && t[roleMessage] == keyMsg && h.flags&(lowerLevel|numberTime|levelFirst|messageFirst) == lowerLevel|levelFirst|messageFirst:
		return record.FormatLogrusJSON
	case p.hint == record.FormatZerologJSON && t[roleMessage] == 0:
		return record.FormatZerologJSON
	}
	if f := p.goDialect(); f != 0 {
		return f
	}
	return record.FormatJSON
}

// first returns the first three keys of the object.
func (h *head) first() (a, b, c key) {
	o := h.order << (8 * (4 - min(h.count, 4)))
	return key(o >> 24), key(o >> 16), key(o >> 8)
}

// bunyan reports whether the keys that every record of bunyan has are there.
func (p *Parser) bunyan() bool {
	var name, pid, v bool
	for i := range p.head.later {
		switch keys[p.kept[i].key].role {
		case roleName:
			name = true
		case rolePid:
			pid = true
		case roleV:
			v = true
		}
	}
	return name && pid && v && p.head.taken[roleHost] != 0 && p.head.taken[roleMessage] == keyMsg
}

// tracingFields reports whether an object called fields, at i, is tracing's,
// which writes timestamp and level in front of it, or json-subscriber's, which
// sorts keys, or apex's.
func (p *Parser) tracingFields(i int) bool {
	h := &p.head
	first, second, _ := h.first()
	if first == keyTimestamp && second == keyLevel && h.flags&upperLevel != 0 {
		return true
	}
	if h.taken[roleLevel] != 0 && h.taken[roleMessage] == 0 && bytes.HasPrefix(p.src[i:], []byte(`{"message":"`)) { // in another order
		return true
	}
	if h.count != 1 {
		return false
	}
	const level = `,"level":"`
	end, _ := nested(p.src, i)
	rest := p.src[end:]
	if end == 0 || len(rest) <= len(level) || string(rest[:len(level)]) != level {
		return false
	}
	rest = rest[len(level):]
	return rest[0]-'A' < 26 || apexTail(rest)
}
