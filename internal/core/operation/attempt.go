package operation

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/invariant"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
)

// Attempt is one sending of a leg.
type Attempt struct {
	Op     *Operation
	Number uint32 // counts from 1
	Peer   foci.NodeID
	Relay  foci.NodeID // zero: the path is direct
	Avoid  txn.Channel // a channel not to use if the class has another; 0 = none
	Method wire.Method
	Msg    codec.Message
	Body   []byte
	Reread bool // the body is the operation's payload, which the shell reads; Body is nil
	Ref    any  // for the shell's use

	leg       *leg
	canceled  bool
	delivered bool

	// Of long attempts: see Look.
	began  time.Duration
	moved  int64 // as in the last Progress
	others int64 // as in the last Progress
	place  int   // index in watch.all; -1 = not there
}

// send makes an attempt from an effect of the transaction machine.
func (m *Machine) send(l *leg, e *txn.Effect) {
	a := &Attempt{
		Op: l.op, leg: l, Number: e.Attempt, Peer: e.Peer, Relay: e.Relay, Avoid: e.Avoid,
		Method: l.method, Msg: l.msg, place: -1,
	}
	switch s, ok := l.msg.(*wire.Store); {
	case e.Do == txn.Ask:
		a.Method, a.Msg = wire.MethodHave, l.have
	case l.rereads():
		a.Reread = true
	case ok:
		a.Body = s.Record.Payload
	}
	if n := len(l.open); n > 0 && a.Avoid == 0 && m.cfg.Channel != nil {
		a.Avoid = m.cfg.Channel(l.open[n-1])
	}
	m.txns.Sent(l.id, a.Number, 0, 0) // from here on it may arrive
	m.replace(l)
	l.open = append(l.open, a)
	l.op.out++
	if l.long {
		a.began = m.now
		m.long.add(a)
	}
	m.out = append(m.out, Effect{Do: Send, Attempt: a})
}

// replace cancels the earlier copies of a query that is resent. None of them made
// progress for a stall time, and the peer does the work of each copy anew: every
// copy makes a busy peer slower. The copies of a mutation go on, because the peer
// applies a mutation only once.
func (m *Machine) replace(l *leg) {
	if l.mutation || mutant.On(mutant.ResendsFeed) {
		return
	}
	for _, a := range l.open {
		m.cancel(a)
	}
}

func (m *Machine) cancel(a *Attempt) {
	if !a.canceled {
		a.canceled = true
		m.out = append(m.out, Effect{Do: Cancel, Attempt: a})
	}
}

// Sent observes the channel and table of an attempt. The next attempt avoids that
// channel. others is as in Progress. The call may come late, or never.
func (m *Machine) Sent(a *Attempt, ch txn.Channel, table foci.Table, others int64) {
	m.txns.Sent(a.leg.id, a.Number, ch, table)
	a.others = others
}

// Delivered observes the fate of an attempt, whose body is not read any more. The
// shell calls it exactly once for each Send.
func (m *Machine) Delivered(out []Effect, now time.Duration, a *Attempt, d *txn.Delivery) []Effect {
	invariant.Check(!a.delivered, "an attempt is delivered once")
	a.delivered = true
	m.enter(out, now)
	l := a.leg
	if at := slices.Index(l.open, a); at >= 0 {
		l.open = slices.Delete(l.open, at, at+1)
	}
	l.op.out--
	m.long.remove(a)
	if !a.canceled || d.Fate == txn.Answered || foci.KindOf(d.Err) != foci.Canceled {
		m.work = m.txns.Delivered(m.work, m.now, l.id, a.Number, d)
		m.drain()
	}
	m.checkIdle(l.op)
	return m.leave()
}
