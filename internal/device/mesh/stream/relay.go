package stream

import (
	"errors"
	"io"
	"sync/atomic"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// Sender is what requests are sent by: a link, for one.
type Sender interface {
	Send(*Request) error
	Node() foci.NodeID
}

// relay is an incoming request that is sent on to another peer. Neither
// body is collected: what arrives on one side is sent on the other, and the
// sender is granted credit as that is written, so at most one window of each
// waits here.
type relay struct {
	shares *Shares
	in     *Incoming // until it is answered
	to     Sender
	q      *Request
	held   int64 // bytes that count; guarded by shares.mu, as is over
	ended  bool
	size   int64
}

// relayStats counts what this process has relayed.
type relayStats struct {
	relaysDone, relaysFailed atomic.Int64
	relayedBytes             atomic.Int64 // of requests and replies
}

// Relay sends a request on to another peer, with another head, and the answer back,
// with bodies, errors and cancellation. It always answers the request, and does not
// wait. in.Head and in.Body must not be used any more; head may be a part of them.
//
// An error of the peer passes unchanged, with the peer's name. An error of this side
// is Busy or NoRoute when nothing was sent, and Unreachable when the peer or its answer
// was lost: then the outcome is unknown.
func (in *Incoming) Relay(to Sender, class foci.Class, method wire.Method, head []byte) {
	if in.ch == nil {
		in.Fail(foci.Errorf(foci.Invalid, "a request of this process itself is not relayed"))
		return
	}
	cfg := in.ch.cfg
	r := &relay{shares: cfg.Shares, in: in, to: to, size: int64(len(head)) + in.BodyLen()}
	n := int64(len(in.Head)) + r.window(in.BodyLen())
	if !r.shares.takeRelay(r, n) {
		r.shares.relaysFailed.Add(1)
		in.Fail(busy("node " + cfg.Node.Short() + " relays as many requests as it may"))
		return
	}
	r.q = &Request{Class: class, Method: method, Head: head, Stream: true, Done: r.done}
	if b := in.stream; b != nil {
		r.q.Source, r.q.NoReplay = &feed{body: b}, true
		b.pipe(r.more)
	} else {
		r.q.Body = in.Body
	}
	hangUp := r.q.Cancel
	in.cancelRelay.Store(&hangUp)
	if err := to.Send(r.q); err != nil {
		r.refuse(err)
		return
	}
	r.more() // it may have ended before pipe was called
}

// window is how much of a body can wait here.
func (r *relay) window(size int64) int64 {
	return min(size, int64(r.in.ch.cfg.Window))
}

// more sends what has arrived of the request, or cancels it when no more will
// arrive.
func (r *relay) more() {
	if r.in.canceled.Load() || r.bodyError() != nil {
		r.q.Cancel()
		return
	}
	r.q.advance()
}

// bodyError returns why the request's body ended early; nil when it did not. An error
// after the whole body has arrived does not count: the peer may have received it all.
func (r *relay) bodyError() error {
	if f, ok := r.q.Source.(*feed); ok {
		if arrived, err := f.body.progress(); arrived < f.body.size {
			return err
		}
	}
	return nil
}

// refuse answers a request of which nothing was sent: the link refused it, or it
// waited for a channel until none could be opened.
func (r *relay) refuse(err error) {
	switch foci.KindOf(err) {
	case foci.Canceled:
		err = r.explain(err)
	case foci.Unreachable, foci.Closed:
		err = &foci.Error{Kind: foci.NoRoute, Where: r.peer(), Msg: "cannot be reached from here", Err: err}
	}
	r.fail(err)
}

// done handles the peer's reply.
func (r *relay) done(reply *Reply, err error) {
	switch {
	case err != nil && !r.q.Sent() && !mutant.On(mutant.RelayUnsentUnknown):
		r.refuse(err)
	case err != nil:
		r.fail(r.explain(err))
	case reply.Stream == nil:
		r.end(r.size+int64(len(reply.Head)+len(reply.Body)), nil)
		r.in.Reply(reply.Head, reply.Body)
	default:
		r.answer(reply)
	}
}

// answer passes a long reply on while it arrives.
func (r *relay) answer(reply *Reply) {
	in, b := r.in, reply.Stream
	ch, id := in.ch, in.id
	total := r.size + int64(len(reply.Head)) + b.size
	more := int64(len(reply.Head)) + r.window(b.size)
	if !r.shares.growRelay(r, more) {
		_ = b.Close() // cannot fail
		r.fail(&foci.Error{Kind: foci.Unreachable, Where: r.peer(), Msg: "answered, but the relay's memory is full"})
		return
	}
	f := &feed{body: b, onEnd: func() {
		arrived, err := b.progress()
		if err == nil && arrived < b.size {
			err = errBodyClosed
		}
		r.end(total-b.size+arrived, err)
		_ = b.Close() // cannot fail
	}}
	b.pipe(func() { ch.advance(id, f, r.explain) })
	in.ReplySource(reply.Head, f)
	ch.advance(id, f, r.explain) // it may have ended before pipe was called
}

// explain returns the error to send to the asker.
func (r *relay) explain(err error) error {
	var answered *frame.PeerError
	switch {
	case errors.As(err, &answered) && !answered.Moved:
		return err
	case foci.KindOf(err) == foci.Canceled:
		if cut := r.bodyError(); cut != nil {
			return cut
		}
		return errCanceledByPeer
	}
	// Lost, damaged, refused when it was sent again, or over a limit: the outcome is
	// unknown.
	return &foci.Error{Kind: foci.Unreachable, Where: r.peer(), Msg: "was lost while a request was relayed to it", Err: err}
}

// peer names the peer; the asker adds this node's name.
func (r *relay) peer() string { return "node " + r.to.Node().Short() }

func (r *relay) fail(err error) {
	r.end(0, err)
	w := frame.EncodeError(err)
	r.in.FailWith(&w)
}

// end counts a relay that is over, once, and gives back what it held.
func (r *relay) end(bytes int64, err error) {
	if !r.shares.endRelay(r) {
		return
	}
	r.shares.relayedBytes.Add(bytes)
	if err != nil {
		r.shares.relaysFailed.Add(1)
	} else {
		r.shares.relaysDone.Add(1)
	}
}

// takeRelay counts a request that is relayed and of which n bytes may wait here.
func (s *Shares) takeRelay(r *relay, n int64) bool {
	a := r.in.ch.account
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.relays.Take(a.relays, 1) && !mutant.On(mutant.RelayShare) {
		return false
	}
	if !s.relayed.Take(a.relayed, n) {
		s.relays.Give(a.relays, 1)
		return false
	}
	r.held = n
	return true
}

// growRelay adds more bytes that may wait here; false, and nothing, when they are
// too many or it is over.
func (s *Shares) growRelay(r *relay, more int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.ended || !s.relayed.Grow(r.in.ch.account.relayed, r.held, r.held+more) {
		return false
	}
	r.held += more
	return true
}

// endRelay gives back what a relay held. It reports whether that was the first call.
func (s *Shares) endRelay(r *relay) bool {
	a := r.in.ch.account
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.ended {
		return false
	}
	r.ended = true
	s.relays.Give(a.relays, 1)
	s.relayed.Give(a.relayed, r.held)
	return true
}

// feed is a body that is sent on while it arrives: the source of an outgoing
// message of which only what has arrived may be sent. It is read in order, by
// the goroutine that writes the other channel, and what is read there is
// granted to the sender here: so what waits in between is at most one window.
type feed struct {
	body  *Body
	onEnd func() // the message is sent, or never will be; may be nil
}

// Size is that of the whole body.
func (f *feed) Size() int64 { return f.body.size }

// ReadAt takes the next bytes, which must have arrived; it never waits.
func (f *feed) ReadAt(p []byte, _ int64) (int, error) {
	b := f.body
	b.mu.Lock()
	n := b.take(p)
	b.mu.Unlock()
	b.ch.consumed(b, n)
	if n < len(p) {
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

// Close is called once it is no longer read.
func (f *feed) Close() error {
	if f.onEnd != nil {
		f.onEnd()
	}
	return nil
}

// pipe makes the body call f whenever more of it has arrived, and when no more will,
// on the goroutine that reads the channel or the one that fails the body.
func (b *Body) pipe(f func()) {
	b.mu.Lock()
	b.piped = f
	b.mu.Unlock()
}

// progress returns how much has arrived, and why no more will; nil while it may.
func (b *Body) progress() (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil && b.closed {
		return b.arrived, errBodyClosed
	}
	return b.arrived, b.err
}

var errBodyClosed = foci.Errorf(foci.Closed, "the body was closed before it was read")

// update finds how much of a partial message may be sent; its channel's mu is held.
func (o *outgoing) update() {
	if f, ok := o.source.(*feed); ok {
		arrived, _ := f.body.progress()
		o.partial, o.arrived = true, int64(len(o.head))+arrived
	}
}

// advance sends what has arrived of the body of a relayed request.
func (q *Request) advance() {
	ch := q.channel.Load()
	if ch == nil {
		return // it is updated when it is put on one
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if q.out != nil && q.channel.Load() == ch {
		q.out.update()
		ch.sendq.add(q.out)
		ch.rouse()
	}
}

// advance sends what has arrived of the body of a relayed reply, and ends the reply
// when no more will arrive; explain makes the error that its receiver gets.
func (s *Server) advance(id uint32, f *feed, explain func(error) error) {
	s.mu.Lock()
	st := s.streams.get(id)
	if st == nil || st.out == nil || st.out.source != Source(f) {
		s.mu.Unlock()
		return
	}
	o := st.out
	_, err := f.body.progress()
	if err == nil {
		o.update()
		s.sendq.add(o)
		s.rouse()
		s.mu.Unlock()
		return
	}
	after := s.drop(o)
	s.breakOff(o, explain(err))
	s.end(id)
	s.mu.Unlock()
	if after != nil {
		after()
	}
}
