package link

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/path"
	"github.com/foci-store/foci/internal/core/route"
)

// Config is what a link is made of. Times are those of the events: since
// whenever their clock began.
type Config struct {
	Node     foci.NodeID          // the peer, for errors
	Channels [foci.NumClasses]int // at least 1 each; those for pings are per table
	Tables   path.Classes         // that a class prefers
	Linked   bool                 // one channel lost, all closed
	Eager    bool                 // a member's channels are all kept open
	Rand     func() float64       // 0..1, for the backoff; required
	Timing   Timing               // zeros take the defaults
	Mutants  Mutants              // for the simulator alone
	Waiting  int                  // most requests of one class that wait for a channel; 0 = 16384
	MaxMoves int                  // of one request to another channel; 0 = 8
}

// Timing is every time of a link.
type Timing struct {
	BackoffMin time.Duration // default 100 ms
	BackoffMax time.Duration // default 10 s
	Steady     time.Duration // a channel that lived shorter counts as one that could not be opened; default 1 s
	Suspect    time.Duration // from the first doubt to down, unless the peer is reached; default 1 s
	Patience   time.Duration // that a request waits for a channel while others of its link are open; default 3 s
	Quiet      int           // beats without a byte from the peer, a ping being unanswered, that make it silent; default 12
}

// Mutants turns off one rule each. The simulator must notice.
type Mutants struct {
	LoseWaiting bool // a failed dial forgets who waited for it
	MoveFixed   bool // what must not be sent twice is
	MoveForEver bool // there is no limit to moves
	KeepBoth    bool // two channels may have one slot
	KeepStale   bool // a new incarnation resets nothing
	FailAtOnce  bool // a lost channel fails what was on it
	NoRedial    bool // who is down is not dialled
}

// State is what is thought of the peer.
type State uint8

// The states.
const (
	Unknown State = iota // not reached yet, and not failed to
	Up                   // a channel is open
	Suspect              // none is: it is being dialled back
	Down                 // and could not be reached
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

// UnmarshalText reads what MarshalText prints.
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

// Conn names a channel: any number but 0 that was not used before.
type Conn uint64

// Request is one that wants a channel.
type Request struct {
	Ref   any // whatever the shell calls it
	Class foci.Class
	Fixed bool          // it must not be sent twice
	Moves int           // how often it was sent and its channel was lost
	Since time.Duration // when it began to wait; 0 while it has not
}

// Do is the kind of an effect.
type Do uint8

// The effects.
const (
	Dial  Do = iota // Addr, for Slot; ends as Opened or Undialled of that Attempt
	Close           // Conn, because of Err; whatever is on it is then given to Move
	Send            // Request
	Fail            // Request, with Err
	Tell            // State is the new one, because of Err
)

// Effect is one thing to be done. Those of one event are done in their order.
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
	until       time.Duration // of Suspect
	open        int           // channels that take requests
	waits       int           // requests in waiting
	incarnation foci.Incarnation
	attempts    uint64
	failures    int           // of dialling, in a row
	retryAt     time.Duration // no dial before that
	lastErr     error         // why the last channel was lost, or not opened
	still       int           // beats without a byte
	quiet       int           // of these the last, with a ping unanswered
	inbound     int           // channels that the peer has to us
	member      bool          // ping and state are kept open
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

// Tick does what is due.
func (m *Machine) Tick(out []Effect, now time.Duration) []Effect {
	if m.removed {
		return out
	}
	if m.state == Suspect && now >= m.until {
		out = m.down(out, now)
	}
	return m.dial(m.expire(out, now), now)
}

// NextWake is when Tick has something to do; false: not before the next event.
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

// Remove ends the link.
func (m *Machine) Remove(out []Effect, why error) []Effect {
	if m.removed {
		return out
	}
	m.removed = true
	out = m.closeAll(out, why)
	return m.failAll(out, why)
}

// State is what is thought of the peer.
func (m *Machine) State() State { return m.state }

// Failures is how many dials failed in a row.
func (m *Machine) Failures() int { return m.failures }

// LastErr is why the last channel was lost, or not opened.
func (m *Machine) LastErr() error { return m.lastErr }

// Waiting is how many requests wait for a channel.
func (m *Machine) Waiting() int { return m.waits }

// OneWay reports whether the peer has channels to us and we can open none to
// it; LastErr says why.
func (m *Machine) OneWay() bool {
	return m.open == 0 && m.inbound > 0 && (m.failures > 0 || m.state == Down)
}

// away is the error of a link that is down.
func (m *Machine) away(now time.Duration) error {
	return &foci.Error{
		Kind: foci.Unreachable, Where: "node " + m.cfg.Node.Short(), Msg: "no channel", Err: m.lastErr,
		RetryAfter: max(0, m.retryAt-now),
	}
}

func (m *Machine) closedErr() error {
	return foci.Errorf(foci.Closed, "the link to node %s is closed", m.cfg.Node.Short())
}
