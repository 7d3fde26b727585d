package operation

import (
	"errors"
	"iter"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/txn"
)

// Config fixes a machine's limits and defaults.
type Config struct {
	Txn txn.Config // how legs find their replicas, and are resent
	// Linger is how long legs go on after their caller is answered, so that a slow
	// replica gets the record too. Then a hint is stored for the replica, even if
	// it makes progress. 0 = 2 s.
	Linger time.Duration
	// WhyDown returns why no channel to a node is open; nil if one is open or the
	// reason is unknown. It is called under the shell's lock. It may be nil.
	WhyDown func(node foci.NodeID) error
	// Channel returns the channel of an attempt that had to wait for one, for which
	// Sent was not called. 0 = none. It is called under the shell's lock. It may be
	// nil.
	Channel func(a *Attempt) txn.Channel
	// Ended is called with the outcome of each leg, under the shell's lock. It may
	// be nil.
	Ended func(asked codec.Message, o txn.Outcome)
	// ForgetAttempts is a mutant of the simulator: only the last attempt counts.
	ForgetAttempts bool
}

const (
	// DefaultLinger is the default of [Config.Linger].
	DefaultLinger = 2 * time.Second
	// HintPatience is the deadline of a request that stores a hint.
	HintPatience = 2 * time.Second
)

// Action is the kind of an effect.
type Action uint8

// The actions; the package comment describes them.
const (
	Send Action = iota + 1
	Cancel
	Answer
	Idle
	NeedLayout
)

// Effect is one thing to do.
type Effect struct {
	Do      Action
	Op      *Operation // of Answer, Idle and NeedLayout
	Attempt *Attempt   // of Send and Cancel
	Epoch   foci.Epoch // of NeedLayout
}

// Machine runs the operations of one process. It is not safe for concurrent use.
// Methods that take a slice of effects append to it and return it.
type Machine struct {
	cfg       Config
	txns      *txn.Machine
	now       time.Duration
	closed    bool
	lingering int // operations that are answered and not idle
	wakes     wakes
	long      watch
	work      []txn.Effect // effects of the transaction machine, to be handled from next on
	next      int
	out       []Effect // of the present event
}

// New makes a machine. Every peer is down until PeerUp.
func New(cfg Config) *Machine {
	if cfg.Linger == 0 {
		cfg.Linger = DefaultLinger
	}
	if cfg.Txn.Stall <= 0 {
		cfg.Txn.Stall = txn.DefaultStall
	}
	return &Machine{cfg: cfg, txns: txn.New(cfg.Txn)}
}

// enter begins an event.
func (m *Machine) enter(out []Effect, now time.Duration) {
	m.out, m.now = out, max(m.now, now)
}

// leave ends an event and returns its effects.
func (m *Machine) leave() []Effect {
	m.drain()
	out := m.out
	m.out = nil
	return out
}

// drain handles the effects of the transaction machine, and those that follow.
func (m *Machine) drain() {
	for m.next < len(m.work) {
		e := m.work[m.next] // a copy: work grows
		m.next++
		if l := e.Ref.(*leg); e.Do == txn.Finish {
			m.ended(l, &e.Outcome)
		} else {
			m.send(l, &e)
		}
	}
	clear(m.work)
	m.work, m.next = m.work[:0], 0
}

// PeerUp observes that a channel to a node is open: legs that wait for it are sent.
func (m *Machine) PeerUp(out []Effect, now time.Duration, node foci.NodeID) []Effect {
	m.enter(out, now)
	m.work = m.txns.PeerUp(m.work, m.now, node)
	return m.leave()
}

// PeerDown observes that no channel to a node is open.
func (m *Machine) PeerDown(out []Effect, now time.Duration, node foci.NodeID) []Effect {
	m.enter(out, now)
	m.work = m.txns.PeerDown(m.work, m.now, node)
	return m.leave()
}

// RouteChanged observes that [txn.Config] Route may now return other paths.
func (m *Machine) RouteChanged(out []Effect, now time.Duration) []Effect {
	m.enter(out, now)
	m.work = m.txns.RouteChanged(m.work, m.now)
	return m.leave()
}

// Tick runs what is due. The shell reports the progress of long attempts before:
// see Look.
func (m *Machine) Tick(out []Effect, now time.Duration) []Effect {
	m.enter(out, now)
	m.work = m.txns.Tick(m.work, m.now)
	m.drain()
	for _, o := range m.wakes.due(m.now) {
		m.woken(o)
	}
	return m.leave()
}

// Close ends every operation; operations that start later fail.
func (m *Machine) Close(out []Effect, now time.Duration) []Effect {
	m.enter(out, now)
	m.closed = true
	m.work = m.txns.Close(m.work, m.now)
	m.drain()
	for _, o := range m.wakes.due(never) { // an operation that waits for a layout has no leg
		m.giveUp(o)
	}
	return m.leave()
}

// NextWake is when Tick is due; false when nothing is.
func (m *Machine) NextWake() (time.Duration, bool) {
	at, ok := m.txns.NextWake()
	if w := m.wakes.next(); w != never && (!ok || w < at) {
		return w, true
	}
	return at, ok
}

// Lingering is the number of operations that are answered and not idle.
func (m *Machine) Lingering() int { return m.lingering }

// Counters returns the counters of the transaction machine.
func (m *Machine) Counters() txn.Counters { return m.txns.Counters() }

// Bytes is the number of payload bytes of pending legs that are in memory.
func (m *Machine) Bytes() int64 { return m.txns.Bytes() }

// Pending yields the pending legs with the traces of their operations, in any
// order. The machine must not be used meanwhile.
func (m *Machine) Pending(now time.Duration) iter.Seq2[txn.Status, foci.TraceID] {
	return func(yield func(txn.Status, foci.TraceID) bool) {
		for s := range m.txns.Pending(now) {
			if !yield(s, s.Ref.(*leg).op.Trace) {
				return
			}
		}
	}
}

// explain adds the result of WhyDown to the error of a leg.
func (m *Machine) explain(node foci.NodeID, err error) error {
	e, ok := err.(*foci.Error)
	if !ok || m.cfg.WhyDown == nil {
		return err
	}
	why := m.cfg.WhyDown(node)
	if why == nil || errors.Is(err, why) {
		return err
	}
	more := *e
	more.Msg += " (last: " + foci.Clip(why.Error()) + ")"
	return &more
}
