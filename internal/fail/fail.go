// Package fail has the points at which a test may make shipper fail: they do
// nothing, and cost nothing, unless it is built with the tag failpoints.
//
// The environment variable SHIPPER_FAIL then says what happens at which point:
// a list of name=action@when, separated by blanks. Actions are error (Point
// returns one), panic, exit (with status 3), kill (SIGKILL to itself), stop
// (SIGSTOP to itself) and a duration to sleep, such as 200ms. when counts the
// passes of the point from 1: 3 is the third, 3+ the third and all after it, 3-5
// three of them; without it the first. Each action is said on standard error
// first.
//
//	SHIPPER_FAIL="queue.commit.before=error@2-4 deliver.sent=kill"
package fail
