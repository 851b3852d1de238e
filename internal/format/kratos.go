package format

import "shipper/internal/record"

// kratos parses what go-kratos' standard logger writes: the level, and pairs
// whose values have blanks without quotes.
//
//	INFO ts=2006-01-02T15:04:05Z caller=file:line msg=the message key=value
func (p *Parser) kratos() bool {
	s := p.src
	i := 0
	for i < len(s) && i < 5 && s[i]-'A' < 26 {
		i++
	}
	key := identEnd(s, i+1)
	if i < 4 || key >= len(s) || key == i+1 || s[i] != ' ' || s[key] != '=' {
		return false
	}
	number := zapLevelNumber(s[:i])
	if number == 0 {
		return false
	}
	p.r.Severity, p.r.SeverityText = number, p.span(0, i)
	for i++; i < len(s); {
		key, k, hash := p.identKey(i, len(s))
		if key == i {
			return false
		}
		v := rustField(s, i, key, len(s), false)
		f := p.rustTyped(p.span(i, v.key), v)
		if k == 0 || keys[k].role == roleLevel {
			p.addHashed(f, hash)
		} else {
			p.promote(k, f)
		}
		for i = v.hi; i < len(s) && s[i] == ' '; i++ {
		}
	}
	t := &p.head.taken
	if t[roleMessage] == 0 && t[roleTime] == 0 && t[roleCaller] == 0 {
		return false
	}
	p.settle(record.FormatKratos)
	return true
}
