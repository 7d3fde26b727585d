package stream

import (
	"io"

	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// outgoing is a message that is sent in pieces straight from its owner's
// memory, or from a source, instead of being copied into the queue.
type outgoing struct {
	header frame.Header // of the first frame, without Size and Sum
	head   []byte
	body   []byte
	source Source

	size    int64  // head and body
	off     int64  // given to the writer so far
	credit  int64  // of the stream
	queued  bool   // in one of the queues
	busy    int    // pieces that the writer holds
	dead    bool   // sent, or the rest is not wanted
	failed  bool   // its source has failed; used by the writer alone
	partial bool   // only what has arrived of it may be sent
	pack    bool   // try to compress its body: so far that paid
	arrived int64  // bytes of head and body, of one that is partial
	after   func() // to call once the writer has let go; may be nil
}

// whole reports whether it goes in one frame, and so without credit.
func (o *outgoing) whole() bool { return o.size <= frame.MaxFrame && !o.partial }

// may returns how many more bytes are ready to be sent.
func (o *outgoing) may() int64 {
	if o.partial {
		return o.arrived - o.off
	}
	return o.size - o.off
}

// piece is a part of a message for one frame.
type piece struct {
	o    *outgoing
	off  int64
	n    int
	last bool
	paid bool // it cost credit
}

// sendQueue decides which message sends next: whole ones in order, and of the
// long ones each a piece in turn, as far as credit goes.
type sendQueue struct {
	short  queue[*outgoing]
	long   queue[*outgoing] // those with credit of their own
	credit int64            // of the channel
}

// add queues a message. Its credit must be set.
func (s *sendQueue) add(o *outgoing) {
	switch {
	case o.dead || o.queued || o.off == o.size:
	case o.whole():
		o.queued = true
		s.short.push(o)
	case o.credit > 0 && o.may() > 0:
		o.queued = true
		s.long.push(o)
	}
}

// grant adds credit of one message.
func (s *sendQueue) grant(o *outgoing, n int64) {
	o.credit += n
	s.add(o)
}

// ready reports whether next would give a piece.
func (s *sendQueue) ready() bool {
	return s.short.len() > 0 || s.credit > 0 && s.long.len() > 0
}

// next takes the next piece; false when none may be sent now.
func (s *sendQueue) next() (piece, bool) {
	for s.short.len() > 0 {
		o := s.short.pop()
		o.queued = false
		if !o.dead {
			return s.take(o, int(o.size)), true
		}
	}
	for s.credit > 0 && s.long.len() > 0 {
		o := s.long.pop()
		o.queued = false
		if o.dead {
			continue
		}
		n := min(o.may(), o.credit, s.credit, frame.MaxPiece)
		if o.pack && o.off == 0 && o.size > frame.MaxFrame {
			n = min(n, int64(len(o.head))+packFirst)
		}
		paid := n < o.size // one frame that is a whole message costs nothing
		if paid {
			o.credit -= n
			s.credit -= n
		}
		p := s.take(o, int(n))
		p.paid = paid
		s.add(o)
		return p, true
	}
	return piece{}, false
}

// trim gives back the memory of queues in which nothing waits.
func (s *sendQueue) trim() {
	if s.short.len() == 0 && s.long.len() == 0 {
		s.short, s.long = queue[*outgoing]{}, queue[*outgoing]{}
	}
}

func (s *sendQueue) take(o *outgoing, n int) piece {
	p := piece{o: o, off: o.off, n: n}
	o.off += int64(n)
	o.busy++
	p.last = o.off == o.size
	return p
}

// parts are the bytes of a piece: of the head, then of the body. A body from a
// source is read into scratch, which is at least as long as the piece.
func (p *piece) parts(scratch []byte) (head, body []byte, err error) {
	o, off, n := p.o, p.off, int64(p.n)
	if hl := int64(len(o.head)); off < hl {
		k := min(n, hl-off)
		head = o.head[off : off+k]
		off, n = off+k, n-k
	}
	off -= int64(len(o.head))
	switch {
	case n == 0:
	case o.source == nil:
		body = o.body[off : off+n]
	default:
		body = scratch[:n]
		var got int
		if got, err = o.source.ReadAt(body, off); got == len(body) {
			err = nil
		} else if err == nil {
			err = io.ErrUnexpectedEOF
		}
	}
	return head, body, err
}

// frame is the header of the frame that carries a piece, without Size and Sum.
func (p *piece) frame() frame.Header {
	h := frame.Header{Type: frame.Data, Stream: p.o.header.Stream}
	if p.off == 0 {
		h = p.o.header
	}
	return h
}

func closeSource(s Source) {
	if c, ok := s.(io.Closer); ok {
		_ = c.Close() // it was only read
	}
}

// queue is a FIFO queue.
type queue[T any] struct {
	items []T
	at    int
}

func (q *queue[T]) len() int { return len(q.items) - q.at }

func (q *queue[T]) push(v T) {
	if q.at > 32 && q.at > len(q.items)/2 {
		n := copy(q.items, q.items[q.at:])
		clear(q.items[n:])
		q.items, q.at = q.items[:n], 0
	}
	q.items = append(q.items, v)
}

func (q *queue[T]) pop() T {
	var zero T
	v := q.items[q.at]
	q.items[q.at] = zero
	if q.at++; q.at == len(q.items) {
		q.items, q.at = q.items[:0], 0
	}
	return v
}
