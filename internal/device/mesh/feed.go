package mesh

import (
	"io"

	"github.com/foci-store/foci"
)

// feed is a body that is sent on while it arrives: the source of an outgoing
// message of which only what has arrived may be sent. It is read in order, by
// the goroutine that writes the other channel, and what is read there is
// granted to the sender here: so what waits in between is at most one window.
type feed struct {
	body *Body
	over func() // the message is sent, or never will be; may be nil
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

// Close is called once nobody reads it any more.
func (f *feed) Close() error {
	if f.over != nil {
		f.over()
	}
	return nil
}

// pipe has f called whenever more of the body has arrived, and when no more
// will: on the goroutine that reads the channel, or on that which fails it.
func (b *Body) pipe(f func()) {
	b.mu.Lock()
	b.piped = f
	b.mu.Unlock()
}

// progress is how much has arrived, and why no more will; nil while it may.
func (b *Body) progress() (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil && b.closed {
		return b.arrived, errBodyClosed
	}
	return b.arrived, b.err
}

var errBodyClosed = foci.Errorf(foci.Closed, "the body was closed before it was read")

// follow looks how much of a fed message may be sent; its channel's mu is held.
func (o *outgoing) follow() {
	if f, ok := o.source.(*feed); ok {
		arrived, _ := f.body.progress()
		o.fed, o.there = true, int64(len(o.head))+arrived
	}
}

// fed lets a request go on whose body has arrived a little more.
func (q *Request) fed() {
	ch := q.channel.Load()
	if ch == nil {
		return // whoever puts it on one looks by himself
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if q.out != nil && q.channel.Load() == ch {
		q.out.follow()
		ch.sendq.add(q.out)
		ch.rouse()
	}
}

// fed lets a reply go on whose body has arrived a little more, and ends it when
// no more will come. Whoever gets it is told why, by way of explain.
func (ch *channel) fed(id uint32, f *feed, explain func(error) error) {
	ch.mu.Lock()
	s := ch.streams.get(id)
	if s == nil || s.out == nil || s.out.source != Source(f) {
		ch.mu.Unlock()
		return
	}
	o := s.out
	_, err := f.body.progress()
	if err == nil {
		o.follow()
		ch.sendq.add(o)
		ch.rouse()
		ch.mu.Unlock()
		return
	}
	after := ch.drop(o)
	ch.breakOff(o, explain(err))
	ch.end(id)
	ch.mu.Unlock()
	if after != nil {
		after()
	}
}
