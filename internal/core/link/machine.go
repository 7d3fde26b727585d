package link

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/path"
	"github.com/foci-store/foci/internal/core/route"
)

// Config describes a link. The origin of times is that of the events' clock.
type Config struct {
	Node     foci.NodeID          // the peer, for errors
	Channels [foci.NumClasses]int // number per class, at least 1; of pings per table
	Tables   path.Classes         // the tables that each class prefers
	Linked   bool                 // when one channel is lost, all are closed
	Eager    bool                 // keep all channels of a member open
	Rand     func() float64       // 0..1, for the backoff; required
	Timing   Timing               // zeros take the defaults
	Mutants  Mutants              // for the simulator only
	Waiting  int                  // maximum of requests of one class that wait for a channel; 0 = 16384
	MaxMoves int                  // maximum of moves of one request to another channel; 0 = 8
}

// Timing holds the times of a link.
type Timing struct {
	BackoffMin time.Duration // default 100 ms
	BackoffMax time.Duration // default 10 s
	Steady     time.Duration // a channel that is lost earlier counts as a failed dial; default 1 s
	Suspect    time.Duration // how long a peer is suspect before it is down; default 1 s
	Patience   time.Duration // how long a request waits for a channel of its class while others are open; default 3 s
	Quiet      int           // beats without a byte, with a ping unanswered, after which a peer is silent; default 12
}

// Mutants each break one rule. The simulator must catch them.
type Mutants struct {
	LoseWaiting bool // a failed dial forgets the requests that wait for it
	MoveFixed   bool // a fixed request is sent twice
	MoveForEver bool // the moves of a request are not limited
	KeepBoth    bool // two channels may have one slot
	KeepStale   bool // a new incarnation of the peer resets nothing
	FailAtOnce  bool // a lost channel fails its requests
	NoRedial    bool // a peer that is down is not dialled
}

// State is the state of the peer as far as the link can tell.
type State uint8

// The states.
const (
	Unknown State = iota // no dial has ended yet
	Up                   // a channel is open
	Suspect              // the last channel was lost, and the peer is dialled again
	Down                 // the peer is unreachable
	numStates
)

var stateNames = [numStates]string{"unknown", "up", "suspect", "down"}

// String is the name used in output.
func (s State) String() string {
	if s >= numStates {
		return "invalid"
	}
	return stateNames[s]
}

// MarshalText makes states readable in JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText parses the output of MarshalText.
func (s *State) UnmarshalText(t []byte) error {
	for i, name := range stateNames {
		if string(t) == name {
			*s = State(i)
			return nil
		}
	}
	return foci.Errorf(foci.Invalid, "state %.20q of a link is unknown", t)
}

// Slot is the place of one channel.
type Slot struct {
	Class foci.Class
	Index int
}

// Conn names a channel; 0 is none. A number is used once.
type Conn uint64

// Request is a request that needs a channel.
type Request struct {
	Ref   any // for the shell's use
	Class foci.Class
	Fixed bool          // it must not be sent twice
	Moves int           // how often it was moved from a lost channel
	Since time.Duration // when it began to wait for a channel; 0: it does not wait
}

// Do is the kind of an effect.
type Do uint8

// The effects.
const (
	Dial  Do = iota // Addr, for Slot; reported by Opened or Undialled with that Attempt
	Close           // Conn, because of Err; the shell passes its unanswered requests to Move
	Send            // Request
	Fail            // Request, with Err
	Tell            // the new State of the peer, because of Err
)

// Effect is one thing to do. The effects of one event are done in their order.
type Effect struct {
	Do      Do
	Slot    Slot
	Attempt uint64
	Addr    route.Address
	Conn    Conn
	Request Request
	State   State
	Err     error
}

// Machine is one link. It is not safe for concurrent use.
type Machine struct {
	cfg Config
	t   Timing

	addrs   *path.Addresses
	slots   [foci.NumClasses][]slot
	waiting [foci.NumClasses][]Request

	state       State
	until       time.Duration // the end of Suspect
	open        int           // channels that accept requests
	waits       int           // number of requests in waiting
	incarnation foci.Incarnation
	attempts    uint64
	failures    int           // failed dials in a row
	retryAt     time.Duration // no dial before that
	lastErr     error         // of the last lost channel or failed dial
	still       int           // beats without a byte from the peer
	quiet       int           // the last ones of these, with a ping unanswered
	inbound     int           // channels that the peer has opened to this process
	member      bool          // ping and state channels are kept open
	removed     bool
}

// New makes a link without addresses.
func New(cfg Config) *Machine {
	if cfg.MaxMoves == 0 {
		cfg.MaxMoves = 8
	}
	if cfg.Waiting == 0 {
		cfg.Waiting = 16384
	}
	m := &Machine{cfg: cfg, t: cfg.Timing, addrs: path.NewAddresses(cfg.Tables)}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{
		{&m.t.BackoffMin, 100 * time.Millisecond},
		{&m.t.BackoffMax, 10 * time.Second},
		{&m.t.Steady, time.Second},
		{&m.t.Suspect, time.Second},
		{&m.t.Patience, 3 * time.Second},
	} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	if m.t.Quiet == 0 {
		m.t.Quiet = 12
	}
	for c := range m.slots {
		m.slots[c] = make([]slot, cfg.Channels[c])
	}
	return m
}

// Tick runs what is due.
func (m *Machine) Tick(out []Effect, now time.Duration) []Effect {
	if m.removed {
		return out
	}
	if m.state == Suspect && now >= m.until {
		out = m.down(out, now)
	}
	return m.dial(m.expire(out, now), now)
}

// NextWake is when Tick is due; false if it is not due before another event.
func (m *Machine) NextWake() (time.Duration, bool) {
	at, some := time.Duration(0), false
	by := func(t time.Duration) {
		if !some || t < at {
			at, some = t, true
		}
	}
	if m.removed {
		return 0, false
	}
	if m.state == Suspect {
		by(m.until)
	}
	for c := range m.waiting {
		if len(m.waiting[c]) > 0 && m.impatient() {
			by(m.waiting[c][0].Since + m.t.Patience)
		}
	}
	if m.toDial() {
		by(m.retryAt)
	}
	return at, some
}

// Remove closes the link permanently.
func (m *Machine) Remove(out []Effect, why error) []Effect {
	if m.removed {
		return out
	}
	m.removed = true
	out = m.closeAll(out, why)
	return m.failAll(out, why)
}

// State is the state of the peer as far as the link can tell.
func (m *Machine) State() State { return m.state }

// Failures is the number of consecutive failed dials.
func (m *Machine) Failures() int { return m.failures }

// LastErr is the error of the last lost channel or failed dial.
func (m *Machine) LastErr() error { return m.lastErr }

// Waiting is the number of requests that wait for a channel.
func (m *Machine) Waiting() int { return m.waits }

// OneWay reports whether the peer has channels to this process, but this process
// cannot open one to the peer. LastErr says why.
func (m *Machine) OneWay() bool {
	return m.open == 0 && m.inbound > 0 && (m.failures > 0 || m.state == Down)
}

// unreachable is the error of a request that cannot be sent.
func (m *Machine) unreachable(now time.Duration) error {
	return &foci.Error{
		Kind: foci.Unreachable, Where: "node " + m.cfg.Node.Short(), Msg: "no channel", Err: m.lastErr,
		RetryAfter: max(0, m.retryAt-now),
	}
}

func (m *Machine) closedErr() error {
	return foci.Errorf(foci.Closed, "the link to node %s is closed", m.cfg.Node.Short())
}
