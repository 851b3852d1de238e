package query

import "shipper/internal/jsontext"

// stringList is the body that is a list of texts.
func stringList(vs []string) result {
	return func(dst []byte) []byte {
		dst = append(dst, `{"status":"success","data":[`...)
		for i, v := range vs {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = jsontext.AppendString(dst, v)
		}
		return append(dst, "]}\n"...)
	}
}
