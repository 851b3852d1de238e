package format

import (
	"bytes"

	"shipper/internal/record"
)

// goDialect returns which of Go's less frequent libraries wrote an object, 0 if
// none did.
func (p *Parser) goDialect() uint8 {
	h := &p.head
	t := &h.taken
	first, second, third := h.first()
	sorted := h.flags&(levelFirst|messageFirst) == levelFirst|messageFirst // level, msg, time
	switch {
	case first == keyT && second == keyLvl && third == keyMsg:
		return record.FormatGethJSON
	case t[roleLevel] == keyLvl && t[roleMessage] == keyMsg && h.last != keyMsg && sorted:
		return record.FormatLog15JSON
	case t[roleLevel] == keySeverity && t[roleMessage] == keyMessage && (t[roleCaller] == keyCloudSource || p.hint == record.FormatGCPJSON):
		return record.FormatGCPJSON
	case first == keyLogger && second == keyTs && third == keyCaller && t[roleMessage] == keyMsg:
		return record.FormatFuncrJSON
	case first == keyLevel && second == keyTime && h.flags&upperLevel != 0 && t[roleMessage] == keyMessage && t[roleCaller] == keyCaller:
		return record.FormatTiDBJSON
	case first == keyAtTimestamp && p.holds(keyContent) && t[roleLevel] == keyLevel:
		return record.FormatGoZeroJSON
	case first == keyTime && t[roleMessage] == keyMsg && p.r.TimeSource == record.TimeNoZone &&
		(second == keyLevel && h.flags&lowerLevel != 0 || p.hint == record.FormatCharmJSON):
		return record.FormatCharmJSON
	case first == keyTime && second == keyLevel && h.flags&lowerLevel != 0 && h.last == keyMessage:
		return record.FormatPhusluJSON
	case first == keyFields && second == keyLevel && third == keyTimestamp && h.last == keyMessage:
		return record.FormatApexJSON
	case t[roleTime] == keyTs && t[roleCaller] == keyCaller && h.flags&numberTime == 0 &&
		(t[roleLevel] == keyLevel && h.flags&lowerLevel != 0 && t[roleMessage] == keyMsg && sorted || p.hint == record.FormatGokitJSON):
		return record.FormatGokitJSON
	}
	return 0
}

// apexTail reports whether text, behind the quote of a level, is the level of
// apex's object and the key it has next.
func apexTail(text []byte) bool {
	i := bytes.IndexByte(text[:min(len(text), 8)], '"')
	return i > 0 && bytes.HasPrefix(text[i+1:], []byte(`,"timestamp":"`))
}

// holds reports whether a key waits for the rest.
func (p *Parser) holds(k key) bool {
	for i := range p.head.later {
		if p.kept[i].key == k {
			return true
		}
	}
	return false
}

// settleGo does what only some of Go's formats need once all fields are there.
func (p *Parser) settleGo(format uint8) {
	switch format {
	case record.FormatFuncrJSON:
		if p.r.Severity == 0 && p.head.flags&numberLevel == 0 {
			p.r.Severity = 17 // logr's Error has no level
		}
	case record.FormatGethJSON, record.FormatLog15JSON:
		if string(p.b.Bytes(p.r.SeverityText)) == "crit" {
			p.r.Severity = 21 // their top
		}
	}
}
