package stream

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// Source is a body that is read piece by piece while it is sent, so that it
// need not be in memory: an [io.SectionReader] is one. It is read on the
// goroutine that writes the channel; a slow one slows that channel. When it is
// an [io.Closer] too it is closed once the mesh has done with it.
type Source interface {
	ReadAt(p []byte, off int64) (int, error)
	Size() int64
}

// Request is one request to one peer. It is used once; the mesh owns it and all that
// it refers to from Send until Done is called.
type Request struct {
	Class  foci.Class
	Method wire.Method
	Head   []byte // an encoded message; at most wire.MaxHead
	Body   []byte // at most wire.MaxBody
	Source Source // instead of Body

	// Stream asks for the reply's body as it arrives when it is longer than a
	// frame; otherwise Done is called when all of it is there.
	Stream bool

	// NoReplay says that the request must not be sent a second time, on another
	// channel, when its own is lost before it is answered; then it ends Unreachable.
	NoReplay bool

	// Avoid is the channel of an earlier copy of the request, which may be stalled:
	// another channel is used if there is one. 0 = none.
	Avoid link.Conn

	// Done is called exactly once if, and only if, Send returned nil: with the
	// reply, with the error that the peer answered (a [frame.PeerError] is in its
	// chain), or with an error of this side: Unreachable when the channel was lost,
	// Canceled after Cancel. It is called on a goroutine of the mesh, or of
	// Cancel, and must be quick: the channel is not read meanwhile.
	Done func(*Reply, error)

	size     int64
	moves    int                    // moves to another channel; owned by the link that sends it
	since    time.Duration          // when it began to wait for a channel; owned likewise
	answer   chan answered          // of Call, instead of Done
	copied   bool                   // into the queue, as short ones are
	finished atomic.Bool            // the one that sets it calls Done
	unwanted atomic.Bool            // it was canceled
	sent     atomic.Bool            // a channel has accepted it
	channel  atomic.Pointer[Client] // once it is on one
	quota    atomic.Pointer[Quota]  // that it is counted against
	id       uint32                 // guarded by channel's mu, like what follows
	out      *outgoing              // while its body is being sent
}

// Reply is the answer to a request. It belongs to its receiver.
type Reply struct {
	Head []byte
	Body []byte // whole, unless Stream is there
	// Stream is the body of a long reply when the request asked for a stream.
	// It must be read to its end or closed.
	Stream *Body
}

// answeredError decodes the error that a peer answered to a request.
func (q *Request) answeredError(peer handshake.Identity, head []byte) error {
	err := frame.DecodeError(peer.Node, head)
	if e, ok := err.(*frame.PeerError); ok {
		e.Moved = q.moves > 0
	}
	return err
}

// Cancel gives up the reply. Unless the request has ended, Done is called with a
// Canceled error, usually before Cancel returns: hold no lock that Done takes. Whether
// the peer executes the request is unknown. Cancel may be called during Send, or
// before: then Send does nothing. A request that this process serves itself ends when
// it is answered, because the handler reads its body.
func (q *Request) Cancel() {
	q.unwanted.Store(true)
	if !q.finished.CompareAndSwap(false, true) {
		return
	}
	err := foci.Errorf(foci.Canceled, "the caller canceled it")
	for {
		ch := q.channel.Load()
		if ch == nil {
			break
		}
		if ch.cancel(q, err) {
			return
		}
	}
	q.done(nil, err)
}

// Sent reports whether a channel has accepted the request, so that a part of it
// may have reached the peer. When Done is called with an error and Sent is
// false, the peer has done nothing: the request waited for a channel until
// none could be opened.
func (q *Request) Sent() bool { return q.sent.Load() }

// Channel names the channel that the request is on, and its table; 0 while it
// waits for one, and when it has ended.
func (q *Request) Channel() (link.Conn, foci.Table) {
	if ch := q.channel.Load(); ch != nil {
		return ch.ID, ch.Peer.Table
	}
	return 0, 0
}

// Moved is how far the bodies of a request and of its reply have moved: own is
// how many bytes of a long request have been given to its channel, and of a long
// reply have arrived. While it changes the request is alive, however slow the
// link; messages short enough for one frame do not count.
//
// Before that, a body may wait for its turn on the channel: others is how many bytes
// of other long messages have moved there in the same direction; 0 when it does not
// wait.
func (q *Request) Moved() (own, others int64) {
	ch := q.channel.Load()
	if ch == nil {
		return 0, 0
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if q.channel.Load() != ch { // lost, and sent again from the beginning
		return 0, 0
	}
	o := q.out
	leaving := o != nil && !o.dead && o.off < o.size
	if o != nil {
		own = o.off
		if o.busy > 0 { // the writer has a part of it: what leaves may be that
			own += ch.count.bytesOut.Load()
		}
	}
	s := ch.streams.get(q.id)
	switch {
	case s == nil || s.req != q:
	case s.body != nil:
		own += int64(s.body.headLen) + s.body.size - s.left
	case leaving:
		others = ch.count.longOut.Load()
	default:
		others = ch.received
	}
	return own, others
}

// complete calls Done unless that was done before, and reports whether it has. The
// caller holds no lock, and the body is no longer read.
func (q *Request) complete(r *Reply, err error) bool {
	if !q.finished.CompareAndSwap(false, true) {
		if r != nil && r.Stream != nil {
			_ = r.Stream.Close() // it has no receiver; cannot fail
		}
		return false
	}
	q.done(r, err)
	return true
}

// refused makes sure that Done is not called after Send has returned err; when
// Cancel was faster, and has called it, Send returns no error.
func (q *Request) refused(err error) error {
	if q.finished.CompareAndSwap(false, true) {
		return err
	}
	return nil
}

func (q *Request) done(r *Reply, err error) {
	q.uncount()
	closeSource(q.Source)
	if q.answer != nil {
		q.answer <- answered{r, err}
		return
	}
	q.Done(r, err)
}

// uncount gives back, once, what Begin took.
func (q *Request) uncount() {
	if u := q.quota.Swap(nil); u != nil {
		u.give(q.Class, q.size)
	}
}

// What follows, up to Move, is for the link that has a request in hand.

// Begin validates a request that is to be sent and counts it against a quota. ok is
// false when nothing is to be done: with an error, or because it was canceled.
// compressed says that bodies of its class are compressed.
func (q *Request) Begin(u *Quota, compressed bool) (ok bool, err error) {
	size := int64(len(q.Head)) + int64(len(q.Body))
	if q.Source != nil {
		size += q.Source.Size()
	}
	switch body := size - int64(len(q.Head)); {
	case q.Class >= foci.NumClasses || q.Done == nil && q.answer == nil || q.Source != nil && len(q.Body) > 0:
		return false, foci.Errorf(foci.Invalid, "request without a class or Done, or with two bodies")
	case len(q.Head) > wire.MaxHead || body > wire.MaxBody || body < 0:
		return false, foci.Errorf(foci.TooLarge, "request with %d bytes of head and %d of body: at most %d and %d", len(q.Head), body, wire.MaxHead, wire.MaxBody)
	}
	if q.finished.Load() {
		return false, nil
	}
	if err := u.take(q.Class, size); err != nil {
		return false, q.refused(err)
	}
	q.size, q.copied = size, q.Source == nil && size <= copyMax
	if compressed && size-int64(len(q.Head)) > packLeast {
		q.copied = false // the writer compresses it
	}
	q.quota.Store(u)
	return true, nil
}

// Begun completes Begin with the outcome of sending, and returns the error for the
// caller; after an error Done is not called.
func (q *Request) Begun(err error) error {
	if err != nil {
		err = q.refused(err)
	}
	if err != nil || q.finished.Load() {
		q.uncount()
	}
	return err
}

// Fail ends the request with an error of this side, unless it has ended.
func (q *Request) Fail(err error) { q.complete(nil, err) }

// Finished reports whether Done has been called, or is being called.
func (q *Request) Finished() bool { return q.finished.Load() }

// Waiting returns when the request began to wait for a channel, by the clock of its
// link, and how often it has moved to another channel.
func (q *Request) Waiting() (since time.Duration, moves int) { return q.since, q.moves }

// Wait sets when it began to wait for a channel.
func (q *Request) Wait(since time.Duration) { q.since = since }

// Move counts a move from a lost channel and resets the time of waiting.
func (q *Request) Move() { q.since, q.moves = 0, q.moves+1 }

// answered is the outcome of a call.
type answered struct {
	reply *Reply
	err   error
}

var answerChannels = sync.Pool{New: func() any { return make(chan answered, 1) }}

// Call sends a request and waits for its reply, the whole body included. When
// ctx ends first the error is its cause, of kind Canceled.
func Call(ctx context.Context, to Sender, class foci.Class, method wire.Method, head, body []byte) (*Reply, error) {
	got := answerChannels.Get().(chan answered)
	q := &Request{Class: class, Method: method, Head: head, Body: body, answer: got}
	if err := to.Send(q); err != nil {
		answerChannels.Put(got)
		return nil, err
	}
	select {
	case a := <-got:
		answerChannels.Put(got)
		return a.reply, a.err
	case <-ctx.Done():
	}
	q.Cancel()
	a := <-got
	answerChannels.Put(got)
	if a.err != nil && foci.KindOf(a.err) == foci.Canceled {
		a.err = foci.Errorf(foci.Canceled, "%v request to node %s: %w", class, to.Node().Short(), context.Cause(ctx))
	}
	return a.reply, a.err
}
