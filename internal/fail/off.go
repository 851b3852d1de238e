//go:build !failpoints

package fail

// Point is a place that a test may make fail; see the package. In this build it
// returns nil.
func Point(string) error { return nil }
