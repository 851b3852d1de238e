package pipeline

import (
	"regexp/syntax"
	"slices"
)

// maxLanguage bounds the texts that are compared one by one.
const maxLanguage = 32

// language returns the texts that a regular expression matches as a whole, if
// they are few: warn|error is two comparisons. It returns nil if they are not
// few, or not to be had easily.
func language(pattern string) []string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	texts, ok := texts(re.Simplify())
	if !ok {
		return nil
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

func texts(re *syntax.Regexp) ([]string, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []string{""}, true
	case syntax.OpLiteral:
		return []string{string(re.Rune)}, re.Flags&syntax.FoldCase == 0 && !slices.Contains(re.Rune, 0xfffd)
	case syntax.OpCharClass:
		var all []string
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for c := re.Rune[i]; c <= re.Rune[i+1]; c++ {
				if all = append(all, string(c)); len(all) > maxLanguage || c == 0xfffd {
					return nil, false
				}
			}
		}
		return all, len(all) > 0
	case syntax.OpCapture:
		return texts(re.Sub[0])
	case syntax.OpQuest:
		all, ok := texts(re.Sub[0])
		return append(all, ""), ok && len(all) < maxLanguage
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			some, ok := texts(sub)
			if all = append(all, some...); !ok || len(all) > maxLanguage {
				return nil, false
			}
		}
		return all, true
	case syntax.OpConcat:
		all := []string{""}
		for _, sub := range re.Sub {
			some, ok := texts(sub)
			if !ok || len(all)*len(some) > maxLanguage {
				return nil, false
			}
			var joined []string
			for _, a := range all {
				for _, b := range some {
					joined = append(joined, a+b)
				}
			}
			all = joined
		}
		return all, true
	}
	return nil, false
}
