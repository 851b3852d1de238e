package index

import "shipper/internal/segment"

func rowBody(r segment.Row) string { return string(r.Body) }
