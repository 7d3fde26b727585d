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

// sending is the mesh request of one attempt.
type sending struct {
	runner  *Runner
	attempt *core.Attempt
	req     mesh.Request
	body    *reading    // nil: the body is in memory, or there is none
	ended   atomic.Bool // the fate was delivered to the machine
}

// newSending makes the request of an attempt, without its head. The caller holds the
// runner's lock; once it is released any goroutine may cancel the request.
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

// channel returns the present channel of an attempt; 0 = none.
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
	if ch == 0 { // it is answered already, or waits for a channel
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

// head encodes the message. From the second attempt on all steps are traced, so that
// an operator can see what is slow.
func (s *sending) head() []byte {
	b := s.attempt.Msg.Append(make([]byte, 0, 256))
	if s.attempt.Number > 1 {
		binary.LittleEndian.PutUint64(b[wire.TraceOffset:], uint64(s.attempt.Op.Trace.Note()))
	}
	return b
}

// done delivers the answer. The mesh calls it, and does not read the body any more.
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

// deliver gives the machine the fate of the attempt, once. It may be called twice: an
// attempt that is canceled before it is sent may find no link when it is sent.
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

// failure returns the fate of an attempt that ended with an error; sent reports
// whether a channel had accepted it. An answer that was damaged, or for which there
// was no memory, is lost: the request may have been applied.
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
