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
	case first == keyTs && (second == keyCaller || second == keyLogger && third == keyCaller) && t[roleMessage] == keyMsg &&
		t[roleLevel] == 0 && h.flags&numberTime != 0: // zapr's verbosity instead of a level, as Kubernetes has it
		return record.FormatZapJSON
	case first == keyLevel && second == keyTime && h.flags&upperLevel != 0 && t[roleMessage] == keyMessage && t[roleCaller] == keyCaller:
		return record.FormatTiDBJSON
	case first == keyAtTimestamp && p.holds(keyContent) && t[roleLevel] == keyLevel:
		return record.FormatGoZeroJSON
	case first == keyTime && t[roleMessage] == keyMsg && p.r.TimeSource == record.TimeNoZone &&
		(second == keyLevel && h.flags&lowerLevel != 0 || p.hint == record.FormatCharmJSON):
		return record.FormatCharmJSON
	case first == keyTime && second == keyLevel && h.flags&lowerLevel != 0 && h.last == keyMessage:
		return record.FormatPhusluJSON
	case first == keyBigTimestamp && p.named("ObservedTimestamp") && p.named("Attributes"):
		return record.FormatOTelJSON
	case first == keyBigTime && t[roleMessage] == 0 && p.named("Action"):
		return record.FormatGoTestJSON
	case first == keyTime && t[roleLevel] == 0 && p.named("remote_ip") && p.named("uri") && p.named("latency_human"):
		return record.FormatEchoJSON
	case first == keyTime && second == keyLevel && p.named("prefix") && h.flags&(upperLevel|lowerLevel) != lowerLevel:
		return record.FormatEchoJSON
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

// drop takes the i-th field from the record.
func (p *Parser) drop(i int) {
	p.b.Detach(p.r, i)
	p.b.Fields = p.b.Fields[:len(p.b.Fields)-1] // of the last record: others may follow
}

// named reports whether the record has a field of that name.
func (p *Parser) named(name string) bool {
	_, ok := p.b.Lookup(p.r, name)
	return ok
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
	case record.FormatZapJSON:
		if p.head.taken[roleLevel] == 0 {
			p.settleVerbosity()
		}
	case record.FormatFuncrJSON:
		if p.r.Severity == 0 && p.head.flags&numberLevel == 0 {
			p.r.Severity = 17 // logr's Error has no level
		}
	case record.FormatOTelJSON:
		p.settleOTel()
	case record.FormatGoTestJSON:
		p.settleGoTest()
	case record.FormatEchoJSON:
		p.settleEcho()
	case record.FormatGethJSON, record.FormatLog15JSON, record.FormatLog15:
		if string(p.b.Bytes(p.r.SeverityText)) == "crit" {
			p.r.Severity = 21 // their top
		}
	}
}

// settleVerbosity sets the severity of what zapr wrote for Kubernetes
// (k8s.io/component-base/logs/json 0.30): there is a verbosity, or an error.
func (p *Parser) settleVerbosity() {
	if v, ok := p.b.Lookup(p.r, "v"); ok && v.Kind == record.Int {
		p.r.Severity = verbosity(v.Int())
	} else if p.head.taken[roleError] != 0 {
		p.r.Severity = 17
	}
}

// settleGoTest makes what a test printed the message, or else what happened.
func (p *Parser) settleGoTest() {
	fs := p.b.FieldsOf(p.r)
	output := -1
	for i := range fs {
		f := &fs[i]
		if f.Kind != record.String {
			continue
		}
		switch string(p.b.Bytes(f.Key)) {
		case "Action":
			if p.r.Body.Len == 0 {
				p.r.Body = f.Val
			}
			if string(p.b.Bytes(f.Val)) == "fail" {
				p.r.Severity = 17
			}
		case "Output":
			output = i
			p.r.Body = f.Val
		}
	}
	if output < 0 {
		return
	}
	if text := p.b.Bytes(p.r.Body); bytes.HasSuffix(text, []byte("\n")) {
		p.r.Body.Len--
	}
	p.drop(output)
}

// settleEcho gives the fields of echo's access log their names, and takes the
// prefix of gommon's log for the logger.
func (p *Parser) settleEcho() {
	access := p.named("uri")
	if !access {
		p.echoPanic()
	}
	fs := p.b.FieldsOf(p.r)
	for i := range fs {
		f := &fs[i]
		switch name := string(p.b.Bytes(f.Key)); {
		case name == "prefix" && !access && f.Kind == record.String && p.r.Logger.Len == 0:
			p.r.Logger = f.Val
			p.drop(i)
			return
		case !access:
		case name == "remote_ip":
			f.Key = nameClient
		case name == "host.name":
			f.Key = nameServer // the header, not the machine
		case name == "method":
			f.Key = nameMethod
		case name == "uri":
			f.Key = nameURL
		case name == "status":
			f.Key = nameStatus
		case name == "user_agent":
			f.Key = nameAgent
		}
	}
}

// echoPanic takes apart what middleware.Recover of echo (4.15) logs:
// "[PANIC RECOVER] kaboom goroutine 1 [running]: ...".
func (p *Parser) echoPanic() {
	const mark = "[PANIC RECOVER] "
	text := p.b.Bytes(p.r.Body)
	end := bytes.Index(text, []byte(" [running]:\n"))
	if end < 0 || !bytes.HasPrefix(text, []byte(mark)) {
		return
	}
	i := bytes.LastIndex(text[:end], []byte(" goroutine "))
	if i < len(mark) {
		return
	}
	off := p.r.Body.Off
	p.addText(nameError, record.Span{Off: off + uint32(len(mark)), Len: uint32(i - len(mark))})
	p.addText(nameStack, record.Span{Off: off + uint32(i) + 1, Len: uint32(len(text) - i - 1)})
	p.r.Body.Len = uint32(i)
	if p.r.Severity == 0 {
		p.r.Severity = 17
	}
}
