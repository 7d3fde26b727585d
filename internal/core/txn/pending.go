package txn

import (
	"time"

	"github.com/foci-store/foci"
)

// state is the state of a pending leg.
type state uint8

const (
	parked   state = iota // no path now: waits for its peer, for routes or for its deadline
	inFlight              // transmitted, no answer yet
	asking                // Have was sent, no answer yet
	storing               // Have said that the replica is storing it
	backoff               // will be sent again when its timer says so
)

var stateNames = [...]string{"parked", "in flight", "asking", "storing", "backoff"}

// pending is a leg that has not ended. There may be many, so it is smaller than 512 bytes
// and refers to peers by index.
type pending struct {
	id         LegID
	seq        uint64 // order of submission
	ref        any
	target     Target
	submitted  time.Duration
	deadline   time.Duration
	stall      time.Duration
	due        time.Duration // of its timer
	size       int64
	channel    Channel  // of the last attempt that a channel took
	prev, next *pending // among the legs of first
	sent       uint64   // bit n-1: attempt n left with the request
	undone     uint64   // bit n-1: attempt n certainly changed nothing
	attempt    uint32
	heapAt     int32
	left       int16  // resends
	peer       uint16 // that serves the target
	first      uint16 // whose list it is in: peer, or the relay
	bodyAt     uint16 // the peer that was last sent the request
	class      foci.Class
	state      state
	cause      foci.Kind // what kept it last
	backoffs   uint8
	losses     uint8 // channels lost
	grown      uint8 // how often its stall time has doubled
	refunds    uint8 // resends that cost nothing, as the replica was storing
	mutation   bool
	reread     bool // its payload is not in memory
	canAsk     bool
	asked      bool // the attempt in question was an Ask
	beyond     bool // an attempt that the bits do not tell of may have been applied
	log        attemptLog
}

// bit is an attempt's bit in sent and undone; 0 if it has none.
func bit(attempt uint32) uint64 {
	if attempt < 1 || attempt > 64 {
		return 0
	}
	return 1 << (attempt - 1)
}

// mayApply reports whether some attempt may have changed, or may still change,
// the replica.
func (p *pending) mayApply() bool {
	return p.mutation && (p.beyond || p.sent&^p.undone != 0)
}

// patience is the present timeout of an answer: the stall time, doubled with each stall.
// A busy peer gets more time instead of more copies of the same work.
func (p *pending) patience() time.Duration { return p.stall << p.grown }

// held is the memory of its payload, in bytes.
func (p *pending) held() int64 {
	if p.reread {
		return 0
	}
	return p.size
}

// waiting reports whether an answer to the last attempt is awaited.
func (p *pending) waiting() bool { return p.state == inFlight || p.state == asking }

// lacksPath reports whether the leg waits for a path, not for its timer.
func (p *pending) lacksPath() bool {
	return p.state == parked || p.state == backoff && p.cause != foci.Busy
}
