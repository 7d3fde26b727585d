package operation

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
)

// leg is one question of an operation to one replica.
type leg struct {
	op       *Operation
	ask      quorum.Leg
	id       txn.LegID
	msg      codec.Message
	method   wire.Method
	target   txn.Target
	size     int64      // of its body
	long     bool       // its body, or that of its answer, may travel for longer than the stall time
	hint     bool       // that is to be kept: it goes on when the caller has been answered
	mutation bool       // a record to be stored
	have     *wire.Have // how to ask whether the record has arrived
	open     []*Attempt // those that were not delivered
}

// short is the longest body, in bytes, that is taken to travel in no time.
const short = 64 << 10

// ask makes legs of questions and submits them.
func (m *Machine) ask(o *Operation, asks []quorum.Ask) {
	for i := range asks {
		l := o.leg(&asks[i])
		deadline := o.Deadline
		if l.hint {
			deadline = m.now + HintPatience
		}
		o.legs = append(o.legs, l)
		var err error
		m.work, l.id, err = m.txns.Submit(m.work, m.now, txn.Leg{
			Target: l.target, Class: o.Class, Mutation: l.mutation, CanAsk: l.mutation,
			Size: int(l.size), Reread: l.rereads(), Deadline: deadline, Stall: o.Stall, Resends: o.Resends, Ref: l,
		})
		if err != nil {
			m.work = append(m.work, txn.Effect{Do: txn.Finish, Ref: l, Outcome: txn.Outcome{Err: err}})
		}
	}
}

// leg completes a question to a replica, and finds out what is particular to its
// kind.
func (o *Operation) leg(a *quorum.Ask) *leg {
	q := a.Msg.(wire.Aimed)
	to := q.Aim()
	to.Trace = o.Trace
	if m, ok := q.(interface{ Declare(wire.Scope) }); ok && o.Scope.Named() {
		m.Declare(o.Scope)
	}
	l := &leg{
		op: o, ask: a.Leg, msg: q, method: wire.MethodOf(q),
		target: txn.Target{Group: to.Group, Backend: to.Backend, ID: q.About()},
	}
	switch m := q.(type) {
	case *wire.Fetch:
		l.long = m.MaxBytes > short
	case *wire.List:
		l.long = true
	case *wire.Hint:
		l.hint = !m.Now
	case *wire.Store:
		l.mutation, l.size = true, int64(len(m.Record.Payload))
		l.have = &wire.Have{Target: m.Target, ID: m.Record.ID, Version: m.Record.Version, Hash: m.Record.Hash, Scope: o.Scope}
		if l.rereads() {
			l.size = o.Reread
		}
		l.long = l.size > short
	}
	return l
}

// rereads reports whether the body is read anew for each attempt.
func (l *leg) rereads() bool {
	s, ok := l.msg.(*wire.Store)
	return ok && s.Record.Payload == nil && l.op.Reread > 0
}

// ended tells the quorum machine how a leg has ended.
func (m *Machine) ended(l *leg, o *txn.Outcome) {
	l.op.forget(l) // its payload must not stay as long as the operation does
	for _, a := range l.open {
		m.cancel(a)
	}
	if m.cfg.Ended != nil {
		m.cfg.Ended(l.msg, *o)
	}
	a := quorum.Answer{Node: o.Peer, Msg: o.Msg, Body: o.Body}
	switch {
	case o.Err != nil:
		a.Err, a.Epoch = m.explain(o.Peer, o.Err), o.Epoch
		a.Stray = o.MayApply && !m.cfg.ForgetAttempts
	case o.Stored:
		a.Msg = &wire.StoreReply{Epoch: l.have.Epoch, Dup: true}
	}
	m.event(l.op, l.op.Quorum.Answer(m.now, l.ask, a))
}

// Group is the group that an attempt's question is for.
func (a *Attempt) Group() foci.Group { return a.leg.target.Group }
