package selector

import "fmt"

// Error is a query that cannot be answered, and where it stops being understood.
type Error struct {
	Line, Column int // in characters, from 1
	Msg          string
}

func (e *Error) Error() string {
	return fmt.Sprintf("parse error at line %d, col %d: %s", e.Line, e.Column, e.Msg)
}
