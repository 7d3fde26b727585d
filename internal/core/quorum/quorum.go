// Package quorum is the machine of one operation of a caller: it asks the groups of an
// object's bucket, counts their votes and decides when the caller is answered. It
// follows Attiya, Bar-Noy and Dolev ("Sharing memory robustly in message-passing
// systems", 1995) in the form for many writers: a write asks a quorum for the newest
// version (version query) and then stores above it; a read asks a quorum and, when
// votes differ, writes missing records back to that quorum (read repair) before it
// answers.
//
// A machine takes events ([Write.Answer], …) and returns effects in an [Out]. It is
// pure: no clock, socket, goroutine or lock. The transaction machine decides which
// backend of a group is asked, by which path and how often: here a leg is one request
// to one group and ends with one answer.
package quorum

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// Leg names one request of an operation.
type Leg uint32

// Ask is one request to send. Its answer has the same leg.
type Ask struct {
	Leg   Leg
	Group foci.Group
	Msg   codec.Message // *wire.Query, *wire.Store or *wire.Fetch; a Store's payload is in its record
}

// Answer is how a leg ended: with a message and the body that came with it, or
// with an error.
type Answer struct {
	Msg   codec.Message // *wire.QueryReply, *wire.StoreReply or *wire.FetchReply
	Body  []byte
	Err   error
	Node  foci.NodeID // that answered, or was asked last; zero: none
	Epoch foci.Epoch  // the replica's, with an error of kind StaleLayout
	Stray bool        // an earlier sending of the question was never answered, and may still arrive
}

// Machine is an operation: a [Write], [Read], [Any], [Stamp] or [Single].
type Machine interface {
	Start(now time.Duration) Out
	Answer(now time.Duration, leg Leg, a Answer) Out
	// Wake handles the time of Out.Wake.
	Wake(now time.Duration) Out
	// Replan takes the newer layout that Out.Layout asked for.
	Replan(now time.Duration, p Plan) Out
	// Idle reports whether the caller has been answered and no leg is open.
	Idle() bool
}

// Plan is the part of the layout that an operation works by.
type Plan struct {
	Epoch  foci.Epoch
	Groups []foci.Group // of the bucket, nearest first
}

// Config configures an operation.
type Config struct {
	Plan     Plan
	Level    foci.Level    // of votes and acknowledgements that are waited for
	Hedge    time.Duration // how long a group is waited for before one more is asked; 0 asks all at once
	Deadline time.Duration // on the clock of the events; the operation ends then at the latest
	Restarts int           // of a read whose write-back fails; 0 = 64, far above what faults cause
	Clock    func() int64  // the caller's wall clock, nanoseconds since 1970
	Nonce    func() uint64 // fresh randomness for versions, never 0
	Mutants  Mutants       // for the simulator alone

	Name func(foci.NodeID) string // of a node in the layout, for errors; may be nil
}

// Out is what to do after an event.
type Out struct {
	Asks []Ask
	// Layout, when not 0, asks for a layout of at least this epoch; the
	// operation rests until Replan.
	Layout foci.Epoch
	// Done is true once, when the caller is to be answered.
	Done bool
	// Wake is when to call Wake; 0: never.
	Wake time.Duration
}

// Mutants switches single rules of the protocol off. Only the simulator sets it, to
// show that its checkers detect each mutant.
type Mutants struct {
	OneRound            bool // a write takes its version from the clock, without asking
	NoWriteBack         bool // a read answers although votes differ
	NewestOnly          bool // votes are compared by their newest version alone
	KeepVotes           bool // a phase keeps its votes when the layout changes
	HintVotes           bool // a hint for a group counts as its acknowledgement
	UnsettledWatermarks bool // a read believes votes that may be older than another one's watermark
}

// needs is how many groups must answer.
func (c *Config) needs() int { return c.Level.Need(len(c.Plan.Groups)) }
