package mesh

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// read serves incoming frames until the connection ends or the peer breaks the
// protocol; it returns why.
func (ch *channel) read(f *frame.Reader) error {
	var h frame.Header
	for {
		if ch.clogged.Load() {
			ch.drained()
		}
		if err := f.Header(&h); err != nil {
			if foci.KindOf(err) == foci.Protocol {
				return err
			}
			return foci.Errorf(foci.Unreachable, "read: %w", err)
		}
		ch.count.bytesIn.Add(int64(frame.HeaderSize + h.Size))
		var err error
		switch {
		case h.Type == frame.Data:
			err = ch.onData(f, &h)
		case h.Type == frame.Reply && ch.link != nil:
			err = ch.onReply(f, &h)
		case h.Type == frame.Request && ch.link == nil:
			err = ch.onRequest(f, &h)
		default:
			err = ch.onControl(f, &h)
		}
		if err != nil {
			return err
		}
	}
}

// spend takes the credit for a frame of a long message; ch.mu is held.
func (ch *channel) spend(s *stream, n int64) error {
	ch.credit -= n
	ch.took += n
	if s != nil {
		s.credit -= n
		s.left -= n
	}
	if ch.credit < 0 || s != nil && s.credit < 0 {
		return foci.Errorf(foci.Protocol, "the peer sends more than it has credit for")
	}
	if s != nil && s.left < 0 {
		return foci.Errorf(foci.Protocol, "the peer sends more of a message than it announced")
	}
	return nil
}

// refuseContents skips the contents of a frame that nobody wants, and lets the
// peer have their credit back when they cost any.
func (ch *channel) refuseContents(f *frame.Reader, h *frame.Header, cost bool) error {
	if err := f.Skip(int(h.Size)); err != nil {
		return err
	}
	if cost {
		ch.consumed(nil, h.Raw())
	}
	return nil
}

func (ch *channel) onReply(f *frame.Reader, h *frame.Header) error {
	whole := h.Whole()
	ch.mu.Lock()
	s := ch.streams.get(h.Stream)
	if s != nil && s.begun {
		s = nil
	}
	if s == nil {
		ch.count.unasked.Add(1)
	}
	var q *Request
	var b *Body
	var err error
	if s != nil {
		q, s.begun = s.req, true
		s.left, s.credit = int64(h.Head)+int64(h.Body), int64(ch.ours)
	}
	switch {
	case !whole:
		if err = ch.spend(s, int64(h.Raw())); err == nil && q != nil {
			b = newBody(ch, h)
			s.body = b
		}
	case s != nil:
		ch.end(h.Stream)
	}
	if q != nil {
		ch.count.answered.Add(1)
		if q.out != nil { // an answer ends the request's body
			ch.drop(q.out)
		}
	}
	ch.mu.Unlock()
	switch {
	case err != nil:
		return err
	case q == nil:
		return ch.refuseContents(f, h, !whole)
	case !whole:
		return ch.onPiece(f, h, b)
	}
	r, contents := newReply(h.Raw())
	switch damaged, err := f.Contents(h, contents); {
	case err != nil:
		if foci.KindOf(err) != foci.Protocol {
			err = foci.Errorf(foci.Unreachable, "read: %w", err)
		}
		ch.close(err)
		ch.orphan(q, err)
		return err
	case damaged:
		ch.finish(q, nil, errDamaged)
	case h.Flags&frame.FlagError != 0:
		ch.finish(q, nil, q.answeredError(ch.peer, contents[:h.Head]))
	default:
		r.Head, r.Body = contents[:h.Head:h.Head], contents[h.Head:]
		ch.finish(q, r, nil)
	}
	return nil
}

// smallReply is how much of a reply is kept beside its struct.
const smallReply = 104

// newReply makes a reply and memory for n bytes of it, small ones at one go.
func newReply(n int) (*Reply, []byte) {
	if n > smallReply {
		return new(Reply), make([]byte, n)
	}
	var v struct {
		Reply
		contents [smallReply]byte
	}
	return &v.Reply, v.contents[:n]
}

// onPiece reads a part of a long message and hands the message over as soon as
// its head is there, or cannot come any more.
func (ch *channel) onPiece(f *frame.Reader, h *frame.Header, b *Body) error {
	if err := b.receive(f, h); err != nil {
		return err
	}
	failed := b.failed()
	if whole := len(b.head) == b.headLen; whole {
		failed = nil // whoever reads the body will learn of it
	} else if failed == nil {
		return nil
	}
	if b.served.Load() {
		return nil
	}
	ch.mu.Lock()
	s := ch.streams.get(b.id)
	if s == nil || s.body != b || !b.served.CompareAndSwap(false, true) {
		ch.mu.Unlock()
		return nil
	}
	q, in := s.req, s.in
	stream := q != nil && q.Stream && b.size > 0 && failed == nil
	if stream {
		s.req = nil // from here on the body is the caller's
	}
	ch.mu.Unlock()
	switch {
	case in != nil && failed != nil:
		in.Fail(failed)
	case in != nil:
		if in.Head = b.head; b.size > 0 {
			in.stream = b
		}
		ch.mesh.cfg.Handler.Serve(in)
	case q != nil && failed != nil:
		ch.finish(q, nil, failed)
	case stream:
		ch.finish(q, &Reply{Head: b.head, Stream: b}, nil)
	case q != nil:
		ch.collect(q, b)
	}
	return nil
}

// collect finishes a request when the whole body of its reply is there.
func (ch *channel) collect(q *Request, b *Body) {
	if !ch.mesh.collecting.take(b.size) {
		ch.finish(q, nil, busy("too many long replies are being received"))
		_ = b.Close() // cannot fail
		return
	}
	body := make([]byte, b.size)
	b.fill(body, func(err error) {
		ch.mesh.collecting.give(b.size)
		switch {
		case err == nil:
			ch.finish(q, &Reply{Head: b.head, Body: body}, nil)
		case ch.isClosed():
			ch.orphan(q, err)
		default:
			ch.finish(q, nil, err)
		}
	})
}

func (ch *channel) onData(f *frame.Reader, h *frame.Header) error {
	ch.mu.Lock()
	s := ch.streams.get(h.Stream)
	err := ch.spend(s, int64(h.Raw()))
	var b *Body
	last := false
	if s != nil {
		b, last = s.body, s.left == 0
	}
	ch.mu.Unlock()
	if err != nil {
		return err
	}
	if b != nil {
		err = ch.onPiece(f, h, b)
	} else {
		err = ch.refuseContents(f, h, true)
	}
	if last && ch.link != nil && err == nil { // else close has the stream yet to end
		ch.mu.Lock()
		ch.end(h.Stream)
		ch.mu.Unlock()
	}
	return err
}

func (ch *channel) onRequest(f *frame.Reader, h *frame.Header) error {
	whole, size := h.Whole(), int64(h.Head)+int64(h.Body)
	v := &Incoming{From: ch.peer, Class: ch.class, Method: h.Method, ch: ch, account: ch.account, id: h.Stream, size: size}
	lacks := ch.admit(v, ch.begins(h))
	ch.mu.Lock()
	s, err := ch.streams.accept(h.Stream)
	if err == nil {
		s.left, s.credit = size, int64(ch.ours)
		if !whole {
			err = ch.spend(s, int64(h.Raw()))
		}
	}
	if err != nil {
		ch.mu.Unlock()
		ch.release(v)
		return err
	}
	ch.load.Store(int32(ch.streams.used))
	ch.count.served.Add(1)
	s.in = v
	var b *Body
	if lacks == nil && !whole {
		b = newBody(ch, h)
		b.in, s.body = v, b
	}
	ch.mu.Unlock()
	switch {
	case lacks != nil:
		v.Fail(lacks)
		return ch.refuseContents(f, h, !whole)
	case !whole:
		return ch.onPiece(f, h, b)
	}
	return ch.serve(f, h, v)
}

// begins is how many bytes of a request count when its first frame comes: those
// that are in it. What was announced costs nothing here before it arrives.
func (ch *channel) begins(h *frame.Header) int64 {
	if mutant.On(mutant.AnnouncedBytes) {
		return int64(h.Head) + int64(h.Body)
	}
	return int64(h.Raw())
}

// serve reads a request that is whole in its first frame and has it served.
func (ch *channel) serve(f *frame.Reader, h *frame.Header, in *Incoming) error {
	in.buf = frame.NewBuffer(h.Raw())
	damaged, err := f.Contents(h, in.buf.B)
	switch {
	case err != nil:
		in.Fail(err)
		return err
	case damaged:
		in.Fail(errDamaged)
		return nil
	}
	in.Head, in.Body = in.buf.B[:h.Head:h.Head], in.buf.B[h.Head:]
	ch.mesh.cfg.Handler.Serve(in)
	return nil
}

// failed is why no more of the body will come; nil while it may.
func (b *Body) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
