package sim

import (
	"errors"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/core/operation"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/sim/mesh"
)

// parcel is a message in a request.
type parcel struct {
	from *client
	msg  codec.Message
	to   *node // the owner; if the link leads to another node, that one relays
}

// send sends an attempt on the first link of its path.
func (s *shell) send(a *operation.Attempt) {
	first, to := nodeOf(a.Peer), s.nodes[nodeOf(a.Peer)]
	if !a.Relay.IsZero() {
		first = nodeOf(a.Relay)
	}
	q := &mesh.Request{
		Class: a.Op.Class, Avoid: link.Conn(a.Avoid), Payload: &parcel{s.client, a.Msg, to}, Hold: s.hold(a, to),
		Accepted: func(c link.Conn, t foci.Table) { s.machine.Sent(a, txn.Channel(c), t, 0) },
	}
	q.Done = func(answer any, err error) {
		d := s.delivery(q, answer, err)
		if !a.Relay.IsZero() {
			s.applyRelay(a.Relay, a.Peer, &d)
		}
		s.delivered(a, &d)
	}
	a.Ref = q
	if s.mayNotWriteBack(a.Msg) {
		s.deny(a)
		return
	}
	s.proc.Send(first, q)
}

// deny answers as a replica does when the caller lacks the right.
func (s *shell) deny(a *operation.Attempt) {
	s.After(s.Between(time.Millisecond, 20*time.Millisecond), func() {
		if !s.closed {
			s.Denied++
			s.delivered(a, &txn.Delivery{Fate: txn.Refused, Err: foci.Errorf(foci.Denied, "no right to write")})
		}
	})
}

// delivery describes the outcome of an attempt.
func (s *shell) delivery(q *mesh.Request, answer any, err error) txn.Delivery {
	a, answered := answer.(quorum.Answer)
	d := txn.Delivery{Fate: txn.Answered, Msg: a.Msg, Body: a.Body, Err: a.Err}
	var stale staleEpoch
	switch {
	case answered && a.Err == nil:
	case answered:
		d.Fate = txn.Refused
		if errors.As(a.Err, &stale) {
			d.Epoch = foci.Epoch(stale)
		}
	case q.Sent():
		d.Fate, d.Err = txn.Lost, err
	default:
		d.Fate, d.Err = txn.NotSent, err
	}
	d.Moved = d.Err != nil && q.Moved() && s.mutant != MovedIsOnce
	return d
}

// delivered passes the outcome of an attempt to the machine.
func (s *shell) delivered(a *operation.Attempt, d *txn.Delivery) {
	if m, ok := d.Msg.(*wire.HaveReply); ok {
		s.Asked++
		if m.State == wire.HaveStored {
			s.Found++
		}
	}
	s.do(s.machine.Delivered(nil, s.Now, a, d))
}

// hold returns what delays a message before it is sent, or nil: some queries wait
// until the target destroys something, and some records for so long that their
// object, or what they repair, may be removed meanwhile.
func (s *shell) hold(a *operation.Attempt, to *node) func(send func()) {
	if s.over {
		return nil
	}
	switch m := a.Msg.(type) {
	case *wire.Query:
		if r := a.Op.Ref.(*call); r.prompt != 0 && r.prompt != m.Group {
			return to.hold
		}
	case *wire.Store:
		if m.Repair && s.Chance(0.4) || s.Chance(0.04) {
			return func(send func()) { s.After(s.Between(0, time.Second), send) }
		}
	}
	return nil
}

// staleEpoch is the cause of an error of kind StaleLayout: the replica's epoch.
type staleEpoch foci.Epoch

func (staleEpoch) Error() string { return "newer layout" }
