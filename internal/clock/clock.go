// Package clock has the time by which things grow old.
package clock

import "time"

// Steady returns wall, a reading of the wall clock, or, if that is ahead of what
// has passed since started, where it should be: a clock that is set ahead while
// the program runs ages nothing. started has a monotonic reading, as time.Now
// gives it. One that is set back is believed, and keeps things for longer.
func Steady(started, wall time.Time) time.Time {
	// Round strips the monotonic reading, so that walls are compared.
	if now := started.Add(time.Since(started)).Round(0); now.Before(wall.Round(0)) {
		return now
	}
	return wall
}
