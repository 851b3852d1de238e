// Package protocol holds what all wire protocols share: the verdict a receiver
// gives on a request, and the content encodings.
package protocol

import (
	"errors"
	"time"
)

// ErrMediaType means that a Content-Type is not known.
var ErrMediaType = errors.New("unsupported content type")

// Outcome is what a sender has to do after a request.
type Outcome uint8

// The outcomes of a request.
const (
	Retry        Outcome = iota // send the same bytes again, later
	Accepted                    // everything is stored, or deliberately dropped by the receiver: see Lost
	Split                       // too large: send the halves
	Rejected                    // will never be accepted as it is: bisect down to the poison records
	Unauthorized                // credentials are wrong or expired: pause, read them again, retry
)

func (o Outcome) String() string {
	return [...]string{"retry", "accepted", "split", "rejected", "unauthorized"}[o]
}

// Verdict is the meaning of one response.
type Verdict struct {
	Outcome Outcome
	After   time.Duration // how long the receiver asks to wait; 0 if it does not say
	Lost    int           // records that an Accepted request did not store
	Reason  string        // for people: the status line and the first line of the body

	// Refused are records of an Accepted request that will never be accepted,
	// in their order in the request; all others are stored.
	Refused []Refusal
}

// Refusal is the verdict on one record.
type Refusal struct {
	Index  int    // of the record in the request, from 0
	Reason string // for people
}
