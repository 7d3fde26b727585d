package mesh

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// Source is a body that is read piece by piece while it is sent, so that it
// need not be in memory: an [io.SectionReader] is one. It is read on the
// goroutine that writes the channel; a slow one slows that channel. When it is
// an [io.Closer] too it is closed once the mesh has done with it.
type Source interface {
	ReadAt(p []byte, off int64) (int, error)
	Size() int64
}

// Request is one question to one peer. It is used once; the mesh owns it, and
// all that it refers to, from Send until Done is called.
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

	// Avoid is a channel of the link that an earlier copy of the request went by
	// and that may be stalled: another one is taken if there is any. 0 = none.
	Avoid link.Conn

	// Done is called exactly once if, and only if, Send returned nil: with the
	// reply, with the error that the peer answered (a [PeerError] is in its
	// chain), or with an error of this side: Unreachable when the channel was lost,
	// Canceled after Cancel. It is called on a goroutine of the mesh, or of
	// Cancel, and must be quick: the channel is not read meanwhile.
	Done func(*Reply, error)

	size     int64
	moves    int                     // to another channel, of whoever has it in hand
	since    time.Duration           // when it began to wait for a channel, likewise
	answer   chan answered           // of Call, instead of Done
	copied   bool                    // into the queue, as short ones are
	finished atomic.Bool             // whoever sets it calls Done
	sent     atomic.Bool             // a channel has accepted it
	channel  atomic.Pointer[channel] // once it is on one
	link     atomic.Pointer[Link]    // whose limits it is counted against
	id       uint32                  // guarded by channel.mu, like what follows
	out      *outgoing               // while its body is being sent
}

// Reply is the answer to a request. It belongs to whoever gets it, for good.
type Reply struct {
	Head []byte
	Body []byte // whole, unless Stream is there
	// Stream is the body of a long reply when the request asked for a stream.
	// It must be read to its end or closed.
	Stream *Body
}

// answeredError is the error that a peer answered to a request, which is in the
// hand of the caller's channel.
func (q *Request) answeredError(who Identity, head []byte) error {
	err := frame.DecodeError(who.Node, head)
	if e, ok := err.(*PeerError); ok {
		e.Moved = q.moves > 0
	}
	return err
}

// Cancel ends interest in the reply. Unless the request is already done its
// Done is called with a Canceled error, usually before Cancel returns: hold no
// lock that Done takes. What the peer does about it is not known. It may be
// called while Send is, or before: then Send does nothing.
func (q *Request) Cancel() {
	if !q.finished.CompareAndSwap(false, true) {
		return
	}
	err := foci.Errorf(foci.Canceled, "the caller no longer wants the answer")
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
		return ch.id, ch.peer.Table
	}
	return 0, 0
}

// complete calls Done unless somebody else did or does. It reports whether it
// was the one. The caller holds no lock, and nobody reads the body any more.
func (q *Request) complete(r *Reply, err error) bool {
	if !q.finished.CompareAndSwap(false, true) {
		if r != nil && r.Stream != nil {
			_ = r.Stream.Close() // nobody will get it; cannot fail
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

// uncount gives back, once, what Send took.
func (q *Request) uncount() {
	if l := q.link.Swap(nil); l != nil {
		l.give(q.Class, q.size)
	}
}

// answered is what a call ended with.
type answered struct {
	reply *Reply
	err   error
}

var answerChannels = sync.Pool{New: func() any { return make(chan answered, 1) }}

// Call sends a request and waits for its reply, the whole body included. When
// ctx ends first the error is its cause, of kind Canceled.
func (l *Link) Call(ctx context.Context, class foci.Class, method wire.Method, head, body []byte) (*Reply, error) {
	got := answerChannels.Get().(chan answered)
	q := &Request{Class: class, Method: method, Head: head, Body: body, answer: got}
	if err := l.Send(q); err != nil {
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
		a.err = foci.Errorf(foci.Canceled, "%v request to node %s: %w", class, l.node.Short(), context.Cause(ctx))
	}
	return a.reply, a.err
}
