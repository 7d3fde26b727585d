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
	// Linger is how long legs go on once their caller has been answered, so that a
	// replica that is merely slow gets the record too. Then a hint is left for it,
	// however often it says that it is alive or storing the record. 0 = 2 s.
	Linger time.Duration
	// WhyDown is why no channel to a node is open; nil when one is, or the
	// reason is not known. It is called under the shell's lock. It may be nil.
	WhyDown func(node foci.NodeID) error
	// Channel is the channel that an attempt is on, of one that was not Sent: it had
	// waited for one. 0 = none. It is called under the shell's lock. It may be nil.
	Channel func(a *Attempt) txn.Channel
	// Ended is told how each leg ended, under the shell's lock. It may be nil.
	Ended func(asked codec.Message, o txn.Outcome)
	// ForgetAttempts is a mutant of the simulator: only the last attempt counts.
	ForgetAttempts bool
}

const (
	// DefaultLinger is [Config]'s.
	DefaultLinger = 2 * time.Second
	// HintPatience is how long one replica is asked to keep a hint.
	HintPatience = 2 * time.Second
)

// Action is what an effect asks for.
type Action uint8

// The actions; the package's comment describes them.
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
	lingering int // operations whose callers were answered and that are not idle
	wakes     wakes
	long      watch
	work      []txn.Effect // of the transaction machine, that were not looked at yet
	next      int          // of work
	out       []Effect     // of the present event
}

// New makes a machine. It knows no peer to be up until PeerUp says so.
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

// leave ends it and gives its effects.
func (m *Machine) leave() []Effect {
	m.drain()
	out := m.out
	m.out = nil
	return out
}

// drain does what the transaction machine has said, and what follows from that.
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

// PeerUp says that a node can be sent to: what waits for it is sent.
func (m *Machine) PeerUp(out []Effect, now time.Duration, node foci.NodeID) []Effect {
	m.enter(out, now)
	m.work = m.txns.PeerUp(m.work, m.now, node)
	return m.leave()
}

// PeerDown says that no channel to a node is left.
func (m *Machine) PeerDown(out []Effect, now time.Duration, node foci.NodeID) []Effect {
	m.enter(out, now)
	m.work = m.txns.PeerDown(m.work, m.now, node)
	return m.leave()
}

// RouteChanged says that the router may answer differently now.
func (m *Machine) RouteChanged(out []Effect, now time.Duration) []Effect {
	m.enter(out, now)
	m.work = m.txns.RouteChanged(m.work, m.now)
	return m.leave()
}

// Tick runs what is due. The progress of long attempts is told before: see Look.
func (m *Machine) Tick(out []Effect, now time.Duration) []Effect {
	m.enter(out, now)
	m.work = m.txns.Tick(m.work, m.now)
	m.drain()
	for _, o := range m.wakes.due(m.now) {
		m.woken(o)
	}
	return m.leave()
}

// Close ends every operation; those that start from now on fail.
func (m *Machine) Close(out []Effect, now time.Duration) []Effect {
	m.enter(out, now)
	m.closed = true
	m.work = m.txns.Close(m.work, m.now)
	m.drain()
	for _, o := range m.wakes.due(never) { // one that waits for a layout has no leg
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

// Lingering is how many operations are not idle although their callers were
// answered.
func (m *Machine) Lingering() int { return m.lingering }

// Counters is what happened so far.
func (m *Machine) Counters() txn.Counters { return m.txns.Counters() }

// Bytes is the payload of the pending legs, as far as it stays in memory.
func (m *Machine) Bytes() int64 { return m.txns.Bytes() }

// Pending yields the pending legs with the traces of their operations, in no
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

// explain adds to the error of a leg why no channel to its node is open.
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
