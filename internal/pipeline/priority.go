package pipeline

// Priority says which records go first when there is no room for all.
type Priority uint8

// The priorities. Without a rule the severity decides: what is less than info is
// Low, what is error or more is High, all else Normal.
const (
	Unranked Priority = iota // of a rule that says nothing, and of all without Config.Priorities
	Low
	Normal
	High
)

// bySeverity is the priority of a record of that severity number
// (OpenTelemetry's; 0 is unknown).
func bySeverity(n uint8) Priority {
	switch {
	case n >= 17:
		return High
	case n >= 9 || n == 0:
		return Normal
	}
	return Low
}
