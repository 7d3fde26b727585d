package mesh

import (
	"net"
	"runtime"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

const (
	flushPieces = 4         // pieces of long messages in one write
	keepOut     = 512 << 10 // most memory that an idle queue keeps
)

// writer is the state of the goroutine that writes a channel.
type writer struct {
	ch       *channel
	spare    []byte // the queue that was written last, to be used again
	pieces   []piece
	headers  []byte
	slices   net.Buffers
	rest     net.Buffers
	scratch  [flushPieces]*buffer // for bodies that come from a source
	deadline time.Time
}

// write writes what is queued until the channel is closed.
func (ch *channel) write() {
	w := &writer{ch: ch}
	defer func() {
		for _, v := range w.scratch {
			v.free()
		}
	}()
	for {
		out, ok := w.next()
		if !ok {
			ch.close(errShutdown)
			return
		}
		err := w.flush(out)
		w.settle(out)
		if err != nil {
			ch.close(foci.Errorf(foci.Away, "write: %w", err))
			return
		}
	}
}

// next waits for something to write and takes it: first all that is queued
// whole, then pieces of long messages in turn.
func (w *writer) next() ([]byte, bool) {
	ch := w.ch
	ch.mu.Lock()
	defer ch.mu.Unlock()
	for len(ch.out) == 0 && !ch.sendq.ready() && ch.err == nil {
		if ch.drain && ch.link == nil && ch.streams.used == 0 {
			return nil, false // the last answer is out
		}
		ch.idle = true
		ch.wake.Wait()
	}
	ch.idle = false
	// Whoever else is about to queue something does so now, and one write
	// takes it along: it nearly doubles the requests per second.
	ch.mu.Unlock()
	runtime.Gosched()
	ch.mu.Lock()
	if ch.err != nil {
		return nil, false
	}
	out := ch.out
	ch.out, ch.outN, w.spare = w.spare[:0], 0, nil
	w.pieces = w.pieces[:0]
	for len(w.pieces) < flushPieces {
		p, ok := ch.sendq.next()
		if !ok {
			break
		}
		if p.last && ch.link == nil {
			ch.end(p.o.header.Stream) // the peer may use the slot again once it has this piece
		}
		w.pieces = append(w.pieces, p)
	}
	return out, true
}

// flush writes the queue and the pieces with one call, if it can.
func (w *writer) flush(out []byte) error {
	ch := w.ch
	if now := time.Now(); w.deadline.Sub(now) < ch.mesh.cfg.Timing.Write/2 {
		w.deadline = now.Add(ch.mesh.cfg.Timing.Write)
		_ = ch.conn.SetWriteDeadline(w.deadline) // fails only when closed, as the write will
	}
	if len(w.pieces) == 0 {
		n, err := ch.conn.Write(out)
		ch.count.bytesOut.Add(int64(n))
		return err
	}
	w.headers, w.slices = w.headers[:0], w.slices[:0]
	if cap(w.headers) == 0 {
		w.headers = make([]byte, 0, flushPieces*wire.HeaderSize)
	}
	if len(out) > 0 {
		w.slices = append(w.slices, out)
	}
	for i := range w.pieces {
		w.add(i)
	}
	w.rest = w.slices // WriteTo moves the slice on; keep its beginning
	n, err := w.rest.WriteTo(ch.conn)
	ch.count.bytesOut.Add(n)
	return err
}

// add makes slices of a piece.
func (w *writer) add(i int) {
	p := &w.pieces[i]
	var scratch []byte
	if p.o.source != nil {
		if w.scratch[i] == nil {
			w.scratch[i] = newBuffer(wire.MaxFrame)
		}
		scratch = w.scratch[i].b
	}
	if p.o.failed {
		w.ch.unsent(p)
		return
	}
	head, body, err := p.parts(scratch)
	if err != nil {
		w.ch.sourceFailed(p, err)
		return
	}
	h := p.frame(head, body)
	at := len(w.headers)
	w.headers = wire.AppendHeader(w.headers, &h)
	w.slices = append(w.slices, w.headers[at:])
	if len(head) > 0 {
		w.slices = append(w.slices, head)
	}
	if len(body) > 0 {
		w.slices = append(w.slices, body)
	}
}

// settle gives the written pieces back, and whatever was waiting for that.
func (w *writer) settle(out []byte) {
	ch := w.ch
	if cap(out) <= keepOut {
		w.spare = out
	}
	var after []func()
	if len(w.pieces) == 0 {
		return
	}
	ch.mu.Lock()
	for _, p := range w.pieces {
		o := p.o
		o.busy--
		if o.off == o.size && o.busy == 0 {
			ch.written(o)
		}
		if o.busy == 0 && o.dead && o.after != nil {
			after = append(after, o.after)
			o.after = nil
		}
	}
	clear(w.pieces)
	ch.mu.Unlock()
	for _, f := range after {
		f()
	}
}

// unsent returns the credit of a piece that is not going to be written.
func (ch *channel) unsent(p *piece) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if p.paid {
		ch.sendq.credit += int64(p.n)
	}
}

// sourceFailed ends a message whose body cannot be read: the peer is told that
// no more of it will come, or answered with the error when nothing was sent.
func (ch *channel) sourceFailed(p *piece, cause error) {
	ch.unsent(p)
	o := p.o
	o.failed = true
	err := foci.Errorf(foci.Internal, "reading a body to be sent, at byte %d: %w", p.off, cause)
	w := wireError(err)
	id := o.header.Stream
	var q *Request
	ch.mu.Lock()
	ch.drop(o)
	if s := ch.streams.get(id); s != nil && ch.link != nil {
		q, s.req, s.out = s.req, nil, nil
		if p.off == 0 {
			ch.end(id) // the peer never heard of it
		}
	}
	switch {
	case p.off > 0:
		ch.abort(id, &w)
	case ch.link == nil:
		ch.answerError(id, &w)
	}
	if ch.link == nil {
		ch.end(id)
	}
	ch.mu.Unlock()
	if q != nil {
		ch.finish(q, nil, err)
	}
}

// breakOff ends a reply of which no more will come: by an error in its place
// when nothing was sent of it; ch.mu is held.
func (ch *channel) breakOff(o *outgoing, err error) {
	w := wireError(err)
	if o.off == 0 {
		ch.answerError(o.header.Stream, &w)
	} else {
		ch.abort(o.header.Stream, &w)
	}
}

// abort queues the end of a message that has begun; ch.mu is held.
func (ch *channel) abort(id uint32, w *wire.Error) {
	ch.control(wire.Header{Type: wire.FrameAbort, Stream: id}, w.Append(nil))
}

// answerError queues an error in place of a reply that has not begun; ch.mu is
// held.
func (ch *channel) answerError(id uint32, w *wire.Error) {
	a := failureOf(w)
	ch.control(wire.Header{Type: wire.FrameReply, Flags: a.flags, Stream: id, Head: uint32(a.size)}, a.head)
}
