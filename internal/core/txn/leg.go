package txn

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// Target is the destination of a leg: a backend, or the owner of an id in a group.
type Target struct {
	Group   foci.Group
	Backend foci.BackendID // zero: the owner of the id
	ID      foci.ID
}

// Path is how a request reaches its target.
type Path struct {
	Peer  foci.NodeID // that serves the target
	Relay foci.NodeID // that passes requests on to Peer; zero: none, the path is direct
}

// first is the first node of the path: the relay, if any, else the peer.
func (h Path) first() foci.NodeID {
	if h.Relay.IsZero() {
		return h.Peer
	}
	return h.Relay
}

// Router finds the path of a class of requests to a target, at each send. It is called
// under the shell's lock: it must be quick and must not call the machine. An error of
// kind Unreachable (with the Path's Peer set) parks the leg until that peer is up. If it
// has a RetryAfter, one of the legs that wait for the peer asks the Router again after
// that time; if that finds a path, the shell calls RouteChanged. The package's comment
// describes NoRoute; every other kind finishes the leg.
type Router func(Target, foci.Class) (Path, error)

// Channel names the channel that took an attempt, for the shell; 0 is none.
type Channel uint64

// LegID names a leg in one machine; never 0, never used again.
type LegID uint64

// Leg is the request of one transaction or query to one replica.
type Leg struct {
	Target   Target
	Class    foci.Class
	Mutation bool // it changes something; else it is a query
	// CanAsk lets the machine ask the replica whether it has the mutation, before a
	// large body is resent.
	CanAsk   bool
	Size     int           // bytes of payload
	Reread   bool          // the payload is read anew for each attempt; else it stays in memory until the leg ends
	Stall    time.Duration // without an answer for so long it is stalled, and twice as long each further time, up to 8 times; 0 = the machine's
	Resends  int           // how often a stalled leg is sent again; 0 = the machine's, < 0 = never
	Deadline time.Duration // on the clock of now; required
	Ref      any           // the shell's own; comes back with every effect
}

// Action is the kind of an effect.
type Action uint8

// The actions.
const (
	Transmit Action = iota + 1 // send the request to Peer, through Relay
	Ask                        // send Have to Peer, through Relay; the answer is a *wire.HaveReply
	Finish                     // call the leg's caller back; exactly one for each leg
)

// Effect is one thing to do. Effects of different legs are independent; those
// of one leg carry the attempt's number, so that stale ones do no harm.
type Effect struct {
	Do      Action
	Class   foci.Class
	Attempt uint32 // counts from 1
	Leg     LegID
	Ref     any
	Peer    foci.NodeID
	Relay   foci.NodeID
	Avoid   Channel // the channel of the last attempt: another one is better; 0 = none
	Outcome Outcome // with Finish
}

// Outcome is the end of a leg.
type Outcome struct {
	Msg      codec.Message // the answer; nil with Stored
	Body     []byte        // that came with Msg
	Stored   bool          // Have said that the replica has it: as good as an acknowledgement
	Err      error         // nil: success; else a *foci.Error whose cause is a *History
	Epoch    foci.Epoch    // of the layout of a replica that refused with StaleLayout
	MayApply bool          // with Err: the mutation may have been, or may still be, applied
	Peer     foci.NodeID
	Attempts int
	Took     time.Duration
}

// Config fixes a machine's router, limits and defaults.
type Config struct {
	Route    Router
	MaxLegs  int           // pending legs; 0 = 65,536
	MaxBytes int64         // their payload, as far as it stays in memory; 0 = 256 MiB
	Stall    time.Duration // 0 = 2 s; at least 1 ms
	Resends  int           // 0 = 5; < 0 = none
	Growth   int           // how often the stall time of a leg doubles at most; 0 = 3; < 0 = never
	AskAbove int           // bytes of payload above which Have is asked first; 0 = 16 KiB
}

// The defaults of [Config], and the bounds of waiting after Busy.
const (
	DefaultMaxLegs  = 1 << 16
	DefaultMaxBytes = 256 << 20
	DefaultStall    = 2 * time.Second
	DefaultResends  = 5
	DefaultGrowth   = 3
	DefaultAskAbove = 16 << 10

	minStall      = time.Millisecond
	firstBackoff  = 10 * time.Millisecond
	maxBackoff    = time.Second
	maxRetryAfter = 5 * time.Second // however long a replica asks us to wait
	maxResends    = 1 << 12
	maxRefunds    = 3 // resends that a replica which says that it is storing saves a leg: its disk may hang
	maxGrowth     = 6
	quickResends  = 3 // resends at once after lost channels; then with backoff
)

func (c Config) withDefaults() Config {
	if c.MaxLegs <= 0 {
		c.MaxLegs = DefaultMaxLegs
	}
	c.MaxLegs = min(c.MaxLegs, slotMask)
	if c.MaxBytes <= 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.Stall == 0 {
		c.Stall = DefaultStall
	}
	if c.Resends == 0 {
		c.Resends = DefaultResends
	}
	if c.Growth == 0 {
		c.Growth = DefaultGrowth
	}
	c.Growth = min(c.Growth, maxGrowth)
	if c.AskAbove <= 0 {
		c.AskAbove = DefaultAskAbove
	}
	return c
}
