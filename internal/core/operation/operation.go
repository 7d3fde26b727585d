package operation

import (
	"math"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/invariant"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/wire"
)

// Op describes an operation.
type Op struct {
	Quorum   quorum.Machine
	Scope    wire.Scope // what the id is made of; empty: the questions contain it, or need none
	Class    foci.Class
	Deadline time.Duration // on the clock of the events
	Trace    foci.TraceID
	Stall    time.Duration // a leg without an answer for this long is stalled; 0 = the machine's
	Resends  int           // of a stalled leg; 0 = the machine's, < 0 = none
	// Reread is the length of a payload that is not in the record: the shell reads
	// it for each attempt. 0: the payload is in the record.
	Reread int64
	Ref    any // for the shell's use
}

// Operation is a running operation.
type Operation struct {
	Op
	legs     []*leg // open legs
	out      int    // attempts that were sent and not delivered
	answered bool   // the Answer effect was emitted
	idle     bool
	progress bool          // an attempt made progress since the last wake of the quorum machine
	wake     time.Duration // time of the next wake; 0 = none
	place    int           // index in the heap of wakes; -1 = not in it
}

// Start begins an operation.
func (m *Machine) Start(out []Effect, now time.Duration, op Op) ([]Effect, *Operation) {
	m.enter(out, now)
	o := &Operation{Op: op, place: -1}
	m.event(o, o.Quorum.Start(m.now))
	return m.leave(), o
}

// GiveUp ends an operation for its caller, as if the deadline had come. It does
// nothing if the operation is answered.
func (m *Machine) GiveUp(out []Effect, now time.Duration, o *Operation) []Effect {
	m.enter(out, now)
	m.giveUp(o)
	return m.leave()
}

// Replan gives an operation the plan of a newer layout: see NeedLayout.
func (m *Machine) Replan(out []Effect, now time.Duration, o *Operation, p quorum.Plan) []Effect {
	m.enter(out, now)
	m.event(o, o.Quorum.Replan(m.now, p))
	return m.leave()
}

// event carries out the output of an operation's quorum machine.
func (m *Machine) event(o *Operation, q quorum.Out) {
	if q.Done {
		invariant.Check(!o.answered, "an operation is answered once")
		o.answered = true
		m.lingering++
		m.out = append(m.out, Effect{Do: Answer, Op: o})
	}
	m.ask(o, q.Asks)
	switch {
	case q.Done && !mutant.On(mutant.EndlessLinger):
		m.wakes.set(o, m.now+m.cfg.Linger)
	case q.Done || !o.answered:
		m.wakes.set(o, q.Wake)
	}
	if q.Done {
		m.settle(o, false)
	}
	m.checkIdle(o)
	switch {
	case q.Layout == 0:
	case m.closed:
		m.giveUp(o) // Replan is not called any more
	default:
		m.out = append(m.out, Effect{Do: NeedLayout, Op: o, Epoch: q.Layout})
	}
}

// giveUp ends an operation whose deadline has passed. It ends the legs first, so
// that the error contains the outcome of each.
func (m *Machine) giveUp(o *Operation) {
	if o.answered {
		return
	}
	m.expire(o)
	m.event(o, o.Quorum.Wake(math.MaxInt64))
}

// expire ends the open legs of an operation. The quorum machine gets the outcomes.
func (m *Machine) expire(o *Operation) {
	for _, l := range slices.Clone(o.legs) {
		m.work = m.txns.Expire(m.work, m.now, l.id)
	}
	m.drain()
}

// woken wakes the quorum machine of an operation, or ends the legs of an answered
// operation.
func (m *Machine) woken(o *Operation) {
	if o.answered {
		m.settle(o, true)
		return
	}
	if m.now >= o.Deadline {
		m.expire(o)
	}
	if a, fetches := o.Quorum.(*quorum.Any); fetches && o.progress {
		a.Arriving(m.now)
	}
	o.progress = false
	m.event(o, o.Quorum.Wake(m.now))
}

// settle ends the legs that an answered operation does not need: queries, and
// records for an unreachable node, which gets a hint instead (hinted handoff); with
// all, every leg. Legs that store hints have a deadline of their own and stay.
func (m *Machine) settle(o *Operation, all bool) {
	for _, l := range o.legs {
		if !l.hint && (all || !l.mutation || m.txns.Parked(l.id)) {
			m.work = m.txns.Cancel(m.work, m.now, l.id)
		}
	}
}

// checkIdle emits Idle once nothing of an operation is open.
func (m *Machine) checkIdle(o *Operation) {
	if o.idle || !o.answered || o.out > 0 || !o.Quorum.Idle() {
		return
	}
	invariant.Check(len(o.legs) == 0, "an idle operation has %d open legs", len(o.legs))
	o.idle = true
	m.lingering--
	m.wakes.set(o, 0)
	m.out = append(m.out, Effect{Do: Idle, Op: o})
}

// forget removes a leg that has ended.
func (o *Operation) forget(l *leg) {
	last := len(o.legs) - 1
	if at := slices.Index(o.legs, l); at >= 0 {
		o.legs[at] = o.legs[last]
		o.legs[last] = nil
		o.legs = o.legs[:last]
	}
}

// Answered reports whether the Answer effect of the operation was emitted.
func (o *Operation) Answered() bool { return o.answered }
