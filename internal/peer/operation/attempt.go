package operation

import (
	"encoding/binary"
	"errors"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/core/mutant"
	core "github.com/foci-store/foci/internal/core/operation"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// sending is one attempt as the mesh has it.
type sending struct {
	runner  *Runner
	attempt *core.Attempt
	req     mesh.Request
	body    *reading    // nil: the body is in memory, or there is none
	ended   atomic.Bool // the machine was told what became of it
}

// newSending makes the request of an attempt, but for its head. The runner's lock is
// held: from then on any goroutine may cancel it.
func newSending(r *Runner, a *core.Attempt) *sending {
	s := &sending{runner: r, attempt: a}
	s.req.Class, s.req.Method, s.req.Body, s.req.Avoid = a.Op.Class, a.Method, a.Body, link.Conn(a.Avoid)
	if a.Reread {
		s.body = a.Op.Ref.(*run).Payload.read()
		s.req.Source = s.body
	}
	s.req.Done = s.done
	return s
}

// channel is the channel that an attempt is on now.
func channel(a *core.Attempt) txn.Channel {
	s, prepared := a.Ref.(*sending)
	if !prepared {
		return 0
	}
	ch, _ := s.req.Channel()
	return txn.Channel(ch)
}

// send gives the request to the mesh.
func (s *sending) send() {
	r, a := s.runner, s.attempt
	s.req.Head = s.head()
	r.noteAttempt(a)
	if err := r.cfg.Paths.Send(a, &s.req); err != nil {
		s.deliver(&txn.Delivery{Fate: txn.NotSent, Err: err})
		return
	}
	ch, table := s.req.Channel()
	if ch == 0 { // it was answered already, or waits for one
		return
	}
	var others int64
	if a.Long() {
		_, others = s.req.Moved()
	}
	r.mu.Lock()
	r.machine.Sent(a, txn.Channel(ch), table, others)
	r.mu.Unlock()
}

// head encodes the message. From the second attempt on every step is noted:
// something is slow, and an operator will want to know what.
func (s *sending) head() []byte {
	b := s.attempt.Msg.Append(make([]byte, 0, 256))
	if s.attempt.Number > 1 {
		binary.LittleEndian.PutUint64(b[wire.TraceOffset:], uint64(s.attempt.Op.Trace.Note()))
	}
	return b
}

// done is called by the mesh, which has let go of the body.
func (s *sending) done(reply *mesh.Reply, err error) {
	d := txn.Delivery{Fate: txn.Answered}
	if err == nil {
		d.Body = reply.Body
		d.Msg, err = s.decode(reply)
	}
	if err != nil {
		d = failure(err, s.req.Sent())
	}
	if a := s.attempt; !a.Relay.IsZero() {
		s.runner.cfg.Paths.Delivered(a.Relay, a.Peer, &d)
	}
	s.deliver(&d)
}

// deliver tells the machine what became of the attempt, once: one that was
// canceled before it was sent may find no link then.
func (s *sending) deliver(d *txn.Delivery) {
	if !s.ended.CompareAndSwap(false, true) {
		return
	}
	if s.body != nil {
		s.body.explain(d)
		s.body.end()
	}
	r := s.runner
	r.noteDelivery(s.attempt, d.Err)
	r.step(func(out []core.Effect, now time.Duration) []core.Effect {
		return r.machine.Delivered(out, now, s.attempt, d)
	})
}

// failure is what became of an attempt that ended with an error; sent reports
// whether a channel had accepted it. An answer that was damaged or had no room
// here is lost: what was asked may have been done.
func failure(err error, sent bool) txn.Delivery {
	d := txn.Delivery{Fate: txn.Refused, Err: err}
	var said *mesh.PeerError
	switch k := foci.KindOf(err); {
	case errors.As(err, &said):
		d.Epoch, d.Moved = said.Epoch, said.Moved
	case !sent && !mutant.On(mutant.UnsentMayApply):
		d.Fate = txn.NotSent
	case k == foci.Unreachable, k == foci.Busy, k == foci.Closed:
		d.Fate = txn.Lost
	}
	return d
}

// decode decodes an answer and verifies its content.
func (s *sending) decode(r *mesh.Reply) (codec.Message, error) {
	m := s.attempt.Method.Row().NewReply()
	if err := codec.Unmarshal(r.Head, m); err != nil {
		return nil, err
	}
	if f, ok := m.(*wire.FetchReply); ok {
		return m, quorum.Verify(s.attempt.Msg.(*wire.Fetch), f, r.Body)
	}
	return m, nil
}
