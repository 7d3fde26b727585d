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
	long     bool       // the transfer of its body, or of its answer's, may exceed the stall time
	hint     bool       // it stores a hint: it goes on after the caller is answered
	mutation bool       // it stores a record
	have     *wire.Have // asks whether the record has arrived
	open     []*Attempt // attempts that are not delivered
}

// short is the longest body, in bytes, whose progress is not watched.
const short = 64 << 10

// ask makes a leg of each question and submits it.
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

// leg completes a question to a replica and makes a leg of it.
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

// rereads reports whether the shell reads the body for each attempt.
func (l *leg) rereads() bool {
	s, ok := l.msg.(*wire.Store)
	return ok && s.Record.Payload == nil && l.op.Reread > 0
}

// ended passes the outcome of a leg to the quorum machine.
func (m *Machine) ended(l *leg, o *txn.Outcome) {
	l.op.forget(l) // or its payload stays in memory as long as the operation
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
