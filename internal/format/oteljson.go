package format

import "shipper/internal/record"

// settleOTel takes apart what stdoutlog, an exporter of OpenTelemetry for Go
// (0.14), writes as objects: the body, attributes, resource and scope.
//
//	"Body":{"Type":"STRING","Value":"text"},"Attributes":[{"Key":"k","Value":{"Type":"INT64","Value":1}}]
func (p *Parser) settleOTel() {
	var objects [4]record.Field // Body, Attributes, Resource, Scope
	for i := 0; i < len(p.b.FieldsOf(p.r)); {
		f := p.b.FieldsOf(p.r)[i]
		at := -1
		switch name := string(p.b.Bytes(f.Key)); {
		case name == "Severity" && f.Kind == record.Int && p.r.Severity > 0, name == "ObservedTimestamp", name == "DroppedAttributes":
			p.drop(i)
			continue
		case f.Kind != record.JSON:
		case name == "Body":
			at = 0
		case name == "Attributes":
			at = 1
		case name == "Resource":
			at = 2
		case name == "Scope":
			at = 3
		}
		if at < 0 {
			i++
			continue
		}
		objects[at] = f
		p.drop(i)
	}
	if body := objects[0]; body.Val.Len > 0 {
		f := p.otelValue(record.Field{}, p.b.Bytes(body.Val))
		if p.r.Body = f.Val; f.Kind != record.String && f.Kind != record.JSON {
			p.r.Body = body.Val
		}
	}
	p.otelPairs(p.b.Bytes(objects[2].Val))
	p.otelPairs(p.b.Bytes(objects[1].Val))
	if scope := objects[3]; scope.Val.Len > 0 && p.r.Logger.Len == 0 {
		for m := (members{text: p.b.Bytes(scope.Val)}); m.next(); {
			if string(m.key) == "Name" {
				p.r.Logger = p.jsonText(m.val)
			}
		}
	}
}

// otelPairs adds the members of a list of pairs.
func (p *Parser) otelPairs(list []byte) {
	for i := 1; i < len(list); i++ {
		if i = skipBlanks(list, i); i >= len(list) || list[i] != '{' {
			return
		}
		end, _ := nested(list, i)
		if end == 0 {
			return
		}
		var f record.Field
		for m := (members{text: list[i:end]}); m.next(); {
			switch string(m.key) {
			case "Key":
				f.Key = p.jsonText(m.val)
			case "Value":
				f = p.otelValue(f, m.val)
			}
		}
		if f.Key.Len > 0 {
			k, hash := lookup(p.b.Bytes(f.Key))
			p.promoteHashed(k, hash, f)
		}
		i = skipBlanks(list, end)
	}
}

// otelValue gives f the value of an object with a type and a value.
func (p *Parser) otelValue(f record.Field, object []byte) record.Field {
	for m := (members{text: object}); m.next(); {
		if string(m.key) != "Value" || len(m.val) == 0 {
			continue
		}
		switch c := m.val[0]; {
		case c == '"':
			f.Val, f.Kind = p.jsonText(m.val), record.String
		case c == '{' || c == '[':
			at := len(p.b.Arena)
			p.b.Arena = appendPlain(p.b.Arena, m.val)
			f.Val, f.Kind = record.Span{Off: uint32(at), Len: uint32(len(p.b.Arena) - at)}, record.JSON
		case c == 'n':
			f.Kind = record.Null
		case c == 't' || c == 'f':
			f = record.BoolField(f.Key, c == 't')
		default:
			if e, integer, n := number(m.val, 0); integer && e == len(m.val) {
				f = record.IntField(f.Key, n)
			} else {
				f.Val, f.Kind = p.b.Add(m.val), record.Number
			}
		}
	}
	return f
}

// appendPlain appends a list or an object without the types of the values in
// it: {"Type":"INT64","Value":1} is 1, and a list of keys and values an object.
func appendPlain(dst, value []byte) []byte {
	if value[0] == '{' {
		if v := memberOf(value, "Value"); v != nil {
			value = v
		}
	}
	if value[0] != '[' {
		return append(dst, value...)
	}
	first, end := len(dst), byte(']')
	dst = append(dst, '[')
	for i := skipBlanks(value, 1); i < len(value) && value[i] != ']'; i = skipBlanks(value, i) {
		if value[i] == ',' {
			dst = append(dst, ',')
			i++
			continue
		}
		e, _ := nested(value, i)
		if e == 0 {
			break
		}
		item := value[i:e]
		if key := keyOfPair(item); key != nil {
			dst[first], end = '{', '}'
			dst = append(append(dst, key...), ':')
			item = memberOf(item, "Value")
		}
		dst = appendPlain(dst, item)
		i = e
	}
	return append(dst, end)
}

// keyOfPair returns the key of {"Key":"k","Value":{...}}, nil if item is none.
func keyOfPair(item []byte) []byte {
	if item[0] != '{' {
		return nil
	}
	key := memberOf(item, "Key")
	if len(key) < 2 || key[0] != '"' || memberOf(item, "Value") == nil {
		return nil
	}
	return key
}

// memberOf returns the value of an object's member, nil if it has none.
func memberOf(object []byte, name string) []byte {
	for m := (members{text: object}); m.next(); {
		if string(m.key) == name {
			return m.val
		}
	}
	return nil
}
