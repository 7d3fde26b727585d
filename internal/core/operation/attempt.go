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
	Relay  foci.NodeID // who passes it on; zero: it goes directly
	Avoid  txn.Channel // another channel is better; 0 = none
	Method wire.Method
	Msg    codec.Message
	Body   []byte
	Reread bool // instead of Body: the shell's payload of the operation
	Ref    any  // the shell's own

	leg       *leg
	canceled  bool
	delivered bool

	// Of long ones: see Look.
	began  time.Duration
	moved  int64 // bytes of its bodies, when looked at last
	others int64 // bytes for which it waits
	place  int   // among the long ones; -1 = not there
}

// send makes an attempt of what the transaction machine says.
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

// replace cancels the earlier copies of a query that is sent again. None of them
// has moved for a whole stall time, and each would have the peer do the work anew:
// a busy peer gets slower with every copy. The copies of a mutation go on: what the
// peer has begun with one, it has done for all.
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

// Sent says by which channel and table an attempt has left. The channel is what
// the next attempt avoids. others is as with Progress. It may be told late, or
// never.
func (m *Machine) Sent(a *Attempt, ch txn.Channel, table foci.Table, others int64) {
	m.txns.Sent(a.leg.id, a.Number, ch, table)
	a.others = others
}

// Delivered says what became of an attempt, of which nothing is read or sent any
// more. It is told exactly once for each Send.
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
