package mesh

import (
	"errors"
	"sync/atomic"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// relay is a request that came in and is passed on to another peer. Neither
// body is collected: what arrives on one side is sent on the other, and the
// sender is granted credit as that is written, so at most one window of each
// waits here.
type relay struct {
	mesh *Mesh
	in   *Incoming // until it is answered
	link *Link
	q    *Request
	held int64 // bytes that count; guarded by shares.mu, as is over
	over bool
	size int64
}

// relays is what this process has passed on.
type relays struct {
	done, failed atomic.Int64
	moved        atomic.Int64 // bytes of requests and replies
}

// Relay passes a request on, with another head, and its answer back: the body,
// errors and cancellation pass both ways. It answers the request, whatever
// happens, and it does not wait. in.Head and in.Body must not be used any more;
// head may be a part of them.
//
// An error of the peer's passes as it is, with the peer's name. One of this
// side is Busy or NoRoute when nothing was sent, and Unreachable when the peer, or its
// answer, was lost: then it is not known what was done.
func (in *Incoming) Relay(l *Link, class foci.Class, method wire.Method, head []byte) {
	if in.ch == nil {
		in.Fail(foci.Errorf(foci.Invalid, "a request of this process's own is not passed on"))
		return
	}
	m := in.ch.mesh
	r := &relay{mesh: m, in: in, link: l, size: int64(len(head)) + in.BodyLen()}
	n := int64(len(in.Head)) + r.window(in.BodyLen())
	if !m.shares.takeRelay(r, n) {
		m.relays.failed.Add(1)
		in.Fail(busy("node " + m.cfg.Node.Short() + " forwards as much as it may"))
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
	in.hangUp.Store(&hangUp)
	if err := l.Send(r.q); err != nil {
		r.refuse(err)
		return
	}
	r.more() // it may have ended before somebody listened
}

// window is how much of a body can wait here.
func (r *relay) window(size int64) int64 {
	return min(size, int64(r.mesh.cfg.Window))
}

// more passes on what has arrived of the request, or that no more will.
func (r *relay) more() {
	if r.in.canceled.Load() || r.cut() != nil {
		r.q.Cancel()
		return
	}
	r.q.fed()
}

// cut is why the request's body ended early; nil when it did not. What befalls a
// body that has arrived says nothing of what the peer did: it may have it whole.
func (r *relay) cut() error {
	if f, ok := r.q.Source.(*feed); ok {
		if arrived, err := f.body.progress(); arrived < f.body.size {
			return err
		}
	}
	return nil
}

// refuse answers a request of which nothing was sent: that the link refused, or
// that waited for a channel until none could be opened.
func (r *relay) refuse(err error) {
	switch foci.KindOf(err) {
	case foci.Canceled:
		err = r.explain(err)
	case foci.Unreachable, foci.Closed:
		err = &foci.Error{Kind: foci.NoRoute, Where: r.where(), Msg: "cannot be reached from here", Err: err}
	}
	r.fail(err)
}

// done is called with what the peer answered.
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
	if !r.mesh.shares.growRelay(r, more) {
		_ = b.Close() // cannot fail
		r.fail(&foci.Error{Kind: foci.Unreachable, Where: r.where(), Msg: "answered, but as much as may be forwarded is on its way here already"})
		return
	}
	f := &feed{body: b, over: func() {
		arrived, err := b.progress()
		if err == nil && arrived < b.size {
			err = errBodyClosed
		}
		r.end(total-b.size+arrived, err)
		_ = b.Close() // cannot fail
	}}
	b.pipe(func() { ch.fed(id, f, r.explain) })
	in.ReplySource(reply.Head, f)
	ch.fed(id, f, r.explain) // it may have ended before somebody listened
}

// explain is what the asker is told about an error.
func (r *relay) explain(err error) error {
	var said *PeerError
	switch {
	case errors.As(err, &said) && !said.Moved:
		return err
	case foci.KindOf(err) == foci.Canceled:
		if cut := r.cut(); cut != nil {
			return cut
		}
		return errCanceledThere
	}
	// Lost, damaged, refused when it was sent again, or too much at a time: it is
	// not known what was done.
	return &foci.Error{Kind: foci.Unreachable, Where: r.where(), Msg: "was lost while a request was forwarded to it", Err: err}
}

// where names the peer; the asker adds this node's name.
func (r *relay) where() string { return "node " + r.link.node.Short() }

func (r *relay) fail(err error) {
	r.end(0, err)
	w := frame.EncodeError(err)
	r.in.FailWith(&w)
}

// end counts a relay that is over, once, and gives back what it held.
func (r *relay) end(bytes int64, err error) {
	if !r.mesh.shares.endRelay(r) {
		return
	}
	s := &r.mesh.relays
	s.moved.Add(bytes)
	if err != nil {
		s.failed.Add(1)
	} else {
		s.done.Add(1)
	}
}

// RelayStats is what a process has passed on for others.
type RelayStats struct {
	Now    int64 `json:"now"`        // requests on their way
	Held   int64 `json:"held_bytes"` // at most, for these
	Done   int64 `json:"done"`
	Failed int64 `json:"failed"`
	Bytes  int64 `json:"bytes"` // of requests and replies
}

func (s *relays) stats(now SharesStats) RelayStats {
	return RelayStats{Now: now.Relays.Used, Held: now.RelayBytes.Used, Done: s.done.Load(), Failed: s.failed.Load(), Bytes: s.moved.Load()}
}
