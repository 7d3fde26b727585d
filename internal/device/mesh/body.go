package mesh

import (
	"io"
	"sync"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// Body is the body of a long message while it arrives. Reading it is what lets
// its sender go on; one that is neither read nor closed holds up to a quarter
// of its channel's credit. One goroutine at a time may use it.
type Body struct {
	ch   *channel
	id   uint32
	size int64

	// Of the goroutine that reads the channel:
	head    []byte
	headLen int
	served  bool      // the head was delivered
	in      *Incoming // whose body it is, on the listening side

	owed int64 // consumed, not yet granted; guarded by ch.mu

	mu      sync.Mutex
	more    sync.Cond
	queue   queue[*buffer] // arrived and not read
	at      int            // read of the first of them
	arrived int64
	read    int64
	dst     []byte // where it all goes, when somebody asked for that
	filled  func(error)
	err     error // why no more will come before the end
	closed  bool
	piped   func() // instead of a reader: see pipe
}

func newBody(ch *channel, h *wire.Header) *Body {
	b := &Body{ch: ch, id: h.Stream, size: int64(h.Body), headLen: int(h.Head)}
	b.more.L = &b.mu
	return b
}

// Len is the length of the whole body in bytes.
func (b *Body) Len() int64 { return b.size }

// Read waits for bytes and takes them. It must not be called on the goroutine
// that serves the channel.
func (b *Body) Read(p []byte) (int, error) {
	b.mu.Lock()
	for b.queue.len() == 0 && b.err == nil && !b.closed && b.read < b.size {
		b.more.Wait()
	}
	switch {
	case b.closed:
		b.mu.Unlock()
		return 0, errBodyClosed
	case b.queue.len() == 0 && b.read == b.size:
		b.mu.Unlock()
		return 0, io.EOF
	case b.queue.len() == 0:
		defer b.mu.Unlock()
		return 0, b.err
	}
	n := b.take(p)
	b.mu.Unlock()
	b.ch.consumed(b, n)
	return n, nil
}

// take copies what has arrived; b.mu is held.
func (b *Body) take(p []byte) int {
	n := 0
	for n < len(p) && b.queue.len() > 0 {
		first := b.queue.items[b.queue.at]
		k := copy(p[n:], first.b[b.at:])
		n, b.at = n+k, b.at+k
		if b.at == len(first.b) {
			b.queue.pop().free()
			b.at = 0
		}
	}
	b.read += int64(n)
	return n
}

// ReadAll waits for the whole body.
func (b *Body) ReadAll() ([]byte, error) {
	p := make([]byte, b.size-b.read)
	n, err := io.ReadFull(b, p)
	return p[:n], err
}

// Close ends interest in the rest.
func (b *Body) Close() error {
	if b.discard() {
		b.ch.abandon(b)
	}
	return nil
}

// discard throws away what is there and will come; false when nothing more
// was to come.
func (b *Body) discard() bool {
	b.mu.Lock()
	n := 0
	for b.queue.len() > 0 {
		v := b.queue.pop()
		n += len(v.b) - b.at
		b.at = 0
		v.free()
	}
	open := !b.closed && b.err == nil && b.arrived < b.size
	b.closed = true
	filled := b.filled
	b.filled = nil
	b.more.Broadcast()
	b.mu.Unlock()
	if n > 0 {
		b.ch.consumed(nil, n)
	}
	if filled != nil {
		filled(errBodyClosed)
	}
	return open
}

// fill has the rest of the body put into dst, which is as long, as it arrives;
// then done is called, on the goroutine that reads the channel or on this one.
func (b *Body) fill(dst []byte, done func(error)) {
	b.mu.Lock()
	n := b.take(dst)
	err := b.err
	if err == nil && b.closed {
		err = errBodyClosed
	}
	if err == nil && b.read < b.size {
		b.dst, b.filled = dst, done
		done = nil
	}
	b.mu.Unlock()
	if n > 0 {
		b.ch.consumed(b, n)
	}
	if done != nil {
		if b.read == b.size {
			err = nil
		}
		done(err)
	}
}

// receive reads the contents of one frame; only a broken connection is an
// error of it. Contents that do not check fail the body.
func (b *Body) receive(f *frameReader, h *wire.Header) error {
	if h.Packing() != 0 {
		return b.receivePacked(f, h)
	}
	rest, sum := int(h.Size), uint32(0)
	k := min(rest, b.headLen-len(b.head))
	if k > 0 {
		at := len(b.head)
		b.head = append(b.head, make([]byte, k)...)
		if err := f.full(b.head[at:]); err != nil {
			return err
		}
		sum, rest = wire.Checksum(0, b.head[at:]), rest-k
	}
	var v *buffer
	if rest > 0 {
		var p []byte
		p, v = b.space(rest)
		if err := f.full(p); err != nil {
			return err
		}
		sum = wire.Checksum(sum, p)
	}
	if k > 0 {
		b.ch.consumed(b, k)
	}
	if sum != h.Sum {
		if v != nil {
			v.free()
		}
		b.ch.consumed(b, rest)
		b.fail(errDamaged)
		return nil
	}
	b.commit(rest, v)
	return nil
}

// receivePacked does it for contents that are compressed.
func (b *Body) receivePacked(f *frameReader, h *wire.Header) error {
	v := newBuffer(h.Raw())
	damaged, err := f.contents(h, v.b)
	if err != nil {
		v.free()
		return err
	}
	rest := len(v.b)
	if damaged {
		v.free()
		b.ch.consumed(b, rest)
		b.fail(errDamaged)
		return nil
	}
	if k := min(rest, b.headLen-len(b.head)); k > 0 {
		b.head = append(b.head, v.b[:k]...)
		rest = copy(v.b, v.b[k:])
		v.b = v.b[:rest]
		b.ch.consumed(b, k)
	}
	if rest == 0 {
		v.free()
	}
	b.commit(rest, v)
	return nil
}

var errDamaged = foci.Errorf(foci.Busy, "the message was damaged on its way: its checksum does not match (send it again)")

// space is where the next n bytes go: where somebody wants them, or a buffer.
func (b *Body) space(n int) ([]byte, *buffer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.filled != nil {
		return b.dst[len(b.dst)-int(b.size-b.arrived):][:n], nil
	}
	v := newBuffer(n)
	return v.b, v
}

// commit makes n received bytes available.
func (b *Body) commit(n int, v *buffer) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	b.arrived += int64(n)
	gone, waits := b.closed || b.err != nil, false
	var filled func(error)
	piped := b.piped
	switch {
	case gone:
	case v == nil:
		b.read += int64(n)
		if b.read == b.size {
			filled, b.filled = b.filled, nil
		}
	case b.filled != nil: // it was asked for while these bytes were being read
		copy(b.dst[len(b.dst)-int(b.size-b.read):], v.b)
		b.read += int64(n)
		v.free()
		if b.read == b.size {
			filled, b.filled = b.filled, nil
		}
	default:
		b.queue.push(v)
		b.more.Broadcast()
		waits = true
	}
	b.mu.Unlock()
	if gone && v != nil {
		v.free()
	}
	if !waits {
		b.ch.consumed(b, n)
	}
	if filled != nil {
		filled(nil)
	}
	if piped != nil && waits {
		piped()
	}
}

// fail ends the body with an error, once what has arrived is read.
func (b *Body) fail(err error) {
	b.mu.Lock()
	if b.err == nil {
		b.err = err
	}
	err = b.err
	filled, piped := b.filled, b.piped
	b.filled = nil
	b.more.Broadcast()
	b.mu.Unlock()
	if filled != nil {
		filled(err)
	}
	if piped != nil {
		piped()
	}
}
