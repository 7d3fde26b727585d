package stream

import (
	"net"
	"runtime"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

const (
	flushPieces = 4         // pieces of long messages in one write
	keepOut     = 512 << 10 // most memory that a queue keeps between two writes
)

// writer is the state of the goroutine that writes a channel.
type writer struct {
	ch       *conn
	out      []byte    // the queue that is being written
	counts   unwritten // what the replies in it count for
	pieces   []piece
	headers  []byte
	slices   net.Buffers
	frames   frame.Writer
	scratch  [flushPieces]*frame.Buffer // for bodies that are read from a source
	packed   [flushPieces]*frame.Buffer // compressed pieces
	extra    int                        // pieces at a time beyond one for which memory is counted
	dull     int                        // bodies in a row that did not shrink
	deadline time.Time
	slow     bool // the last write of pieces took long
	retired  bool // nothing was to be written for long
}

// write writes what is queued until the channel is closed.
func (c *conn) write() {
	w := &writer{ch: c}
	w.frames.Init(c.Conn, &c.count.bytesOut)
	defer w.rest()
	for w.next() {
		err := w.flush()
		w.settle()
		if err != nil {
			c.side.Close(foci.Errorf(foci.Unreachable, "write: %w", err))
			return
		}
	}
	if !w.retired {
		c.side.Close(errShutdown)
	}
}

// next waits for something to write and takes it: first all that is queued
// whole, then pieces of long messages in turn. False: the writer ends.
func (w *writer) next() bool {
	ch := w.ch
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.spare, w.out = w.out, nil
	for len(ch.out) == 0 && !ch.sendq.ready() && ch.err == nil {
		if ch.side.finished() {
			return false
		}
		if ch.retire {
			ch.idle, ch.retire, ch.parked, w.retired = false, false, true, true
			return false
		}
		w.rest()
		ch.idle = true
		ch.wake.Wait()
	}
	ch.idle, ch.retire = false, false
	// Yield: goroutines that are about to queue a frame do so now, and one write takes
	// it along. This nearly doubles the requests per second.
	ch.mu.Unlock()
	runtime.Gosched()
	ch.mu.Lock()
	if ch.err != nil {
		return false
	}
	w.out, ch.out, ch.outN, ch.spare = ch.out, ch.spare[:0], 0, nil
	w.counts, ch.unwritten = ch.unwritten, unwritten{}
	ch.side.emptied()
	w.pieces = w.pieces[:0]
	for len(w.pieces) < w.most() && w.roomy(len(w.pieces)) {
		p, ok := ch.sendq.next()
		if !ok {
			break
		}
		if p.last {
			ch.side.last(p.o.header.Stream)
		}
		w.pieces = append(w.pieces, p)
	}
	return true
}

// most returns how many pieces to write at once: one when the last write took long, so
// that a slow path shows progress and pings go between pieces.
func (w *writer) most() int {
	if w.slow {
		return 1
	}
	return flushPieces
}

// roomy reports whether there is memory for the i-th piece. The first always has it,
// counted with its message; more pieces have it within the peer's share.
func (w *writer) roomy(i int) bool {
	switch {
	case i < 1+w.extra || w.ch.sendq.long.len() == 0:
		return true
	case !w.ch.side.scratch():
		return false
	}
	w.extra++
	return true
}

// slowWrite is how long a write takes on a slow path.
const slowWrite = 50 * time.Millisecond

// rest frees the memory that only long messages need.
func (w *writer) rest() {
	for i := range w.scratch {
		w.scratch[i].Free()
		w.packed[i].Free()
		w.scratch[i], w.packed[i] = nil, nil
	}
	w.frames.Rest()
	if w.extra > 0 {
		w.ch.side.unread(unwritten{own: int64(w.extra) * frame.MaxFrame})
		w.extra = 0
	}
}

// flush writes the queue and the pieces with one call, if it can.
func (w *writer) flush() error {
	ch := w.ch
	now := time.Now()
	if w.deadline.Sub(now) < ch.cfg.WriteTimeout/2 {
		w.deadline = now.Add(ch.cfg.WriteTimeout)
		_ = ch.Conn.SetWriteDeadline(w.deadline) // fails only when closed, as the write will
	}
	if len(w.pieces) == 0 {
		return w.frames.Write(w.out)
	}
	w.headers, w.slices = w.headers[:0], w.slices[:0]
	if cap(w.headers) == 0 {
		w.headers = make([]byte, 0, flushPieces*frame.HeaderSize)
	}
	if len(w.out) > 0 {
		w.slices = append(w.slices, w.out)
	}
	for i := range w.pieces {
		w.add(i)
	}
	defer func() {
		clear(w.slices) // an idle channel keeps no message
		w.slow = time.Since(now) > slowWrite
	}()
	return w.frames.WriteAll(w.slices)
}

// add makes slices of a piece.
func (w *writer) add(i int) {
	p := &w.pieces[i]
	var scratch []byte
	if p.o.source != nil {
		if w.scratch[i] == nil {
			w.scratch[i] = frame.NewBuffer(frame.MaxFrame)
		}
		scratch = w.scratch[i].B
	}
	if p.o.failed {
		w.ch.unsent(p)
		return
	}
	head, body, err := p.parts(scratch)
	if err != nil {
		w.ch.unsent(p)
		p.o.failed = true
		w.ch.side.broken(p, err)
		return
	}
	h := p.frame()
	if out := w.shrink(i, &h, head, body); out != nil {
		head, body = nil, out
	} else {
		h.Size = uint32(len(head) + len(body))
		h.Sum = frame.Checksum(frame.Checksum(0, head), body)
	}
	at := len(w.headers)
	w.headers = frame.AppendHeader(w.headers, &h)
	w.slices = append(w.slices, w.headers[at:])
	if len(head) > 0 {
		w.slices = append(w.slices, head)
	}
	if len(body) > 0 {
		w.slices = append(w.slices, body)
	}
}

// settle releases the written pieces and what waited for them.
func (w *writer) settle() {
	ch := w.ch
	if cap(w.out) > keepOut {
		w.out = nil
	}
	w.ch.side.unread(w.counts)
	w.counts = unwritten{}
	var after []func()
	if len(w.pieces) == 0 {
		return
	}
	ch.mu.Lock()
	for _, p := range w.pieces {
		o := p.o
		o.busy--
		if p.paid {
			ch.count.longOut.Add(int64(p.n))
		}
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
func (c *conn) unsent(p *piece) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.paid {
		c.sendq.credit += int64(p.n)
	}
}

const (
	packLeast = 4 << 10 // shorter bodies are never compressed
	packFirst = 4 << 10 // of a long body, in its first frame, which is not compressed

	// After this many bodies that did not shrink in a row only one in packAgain
	// is tried: what travels there is mostly compressed already.
	packDull  = 4
	packAgain = 16
)

// packs reports whether a body of n bytes may be sent compressed.
func (c *conn) packs(n int64) bool { return c.Packing != 0 && n > packLeast }

// shrink compresses a piece if that pays; what it returns stays valid until the
// i-th piece of the next write.
func (w *writer) shrink(i int, h *frame.Header, head, body []byte) []byte {
	p := &w.pieces[i]
	o, n := p.o, len(head)+len(body)
	first := p.off == 0
	switch {
	case !o.pack || n < packLeast || n > frame.MaxFrame || first && !p.last || !first && len(head) > 0:
		return nil
	case first && w.dull >= packDull:
		w.dull++
		if w.dull%packAgain > 0 {
			return nil
		}
	}
	src := body
	if len(head) > 0 {
		v := frame.NewBuffer(n)
		defer v.Free()
		src = append(append(v.B[:0], head...), body...)
	}
	if w.packed[i] == nil {
		w.packed[i] = frame.NewBuffer(frame.MaxFrame)
	}
	out := frame.Compress(w.ch.Packing, w.packed[i].B[:n], src)
	if out == nil {
		o.pack = false
		w.dull++
		return nil
	}
	w.dull = 0
	h.Flags |= uint8(w.ch.Packing)
	if h.Type == frame.Data {
		h.Body = uint32(n)
	}
	h.Size, h.Sum = uint32(len(out)), frame.Checksum(0, out)
	return out
}
