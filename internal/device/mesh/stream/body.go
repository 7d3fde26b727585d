package stream

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// Body is the body of a long message while it arrives. Reading it returns credit to
// its sender (backpressure); a body that is neither read nor closed holds up to a
// quarter of its channel's credit. One goroutine at a time may use it.
type Body struct {
	ch   *conn
	id   uint32
	size int64

	// Of the goroutine that reads the channel:
	head    []byte
	headLen int
	in      *Incoming // the request that it belongs to, on the listening side

	served atomic.Bool // the head was delivered, or the request was answered before that
	owed   int64       // consumed, not yet granted; guarded by ch.mu

	mu      sync.Mutex // guards what follows
	more    sync.Cond
	queue   queue[*frame.Buffer] // arrived and not read
	at      int                  // read of the first of them
	arrived int64
	read    int64
	waiting int64         // bytes of queue
	dst     []byte        // the destination of the whole body, once fill or gather was called
	own     *frame.Buffer // the memory of dst, when it grows as more arrives
	filled  func(error)
	err     error // why it ends early
	closed  bool
	piped   func() // instead of a reader: see pipe
}

func newBody(ch *conn, h *frame.Header) *Body {
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
		k := copy(p[n:], first.B[b.at:])
		n, b.at = n+k, b.at+k
		if b.at == len(first.B) {
			b.queue.pop().Free()
			b.at = 0
		}
	}
	b.read += int64(n)
	b.waiting -= int64(n)
	return n
}

// ReadAll waits for the whole body.
func (b *Body) ReadAll() ([]byte, error) {
	p := make([]byte, b.size-b.read)
	n, err := io.ReadFull(b, p)
	return p[:n], err
}

// Close gives up the rest of the body.
func (b *Body) Close() error {
	if b.discard() {
		b.ch.abandon(b)
	}
	return nil
}

// discard drops the bytes that have arrived and will arrive. It reports whether more
// were to arrive.
func (b *Body) discard() bool {
	b.mu.Lock()
	n := 0
	for b.queue.len() > 0 {
		v := b.queue.pop()
		n += len(v.B) - b.at
		b.at = 0
		v.Free()
	}
	b.waiting = 0
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

// fill copies the rest of the body into dst, which is as long, as it arrives. Then it
// calls done, on the goroutine that reads the channel or on this one.
func (b *Body) fill(dst []byte, done func(error)) {
	b.mu.Lock()
	b.dst = dst
	b.start(done)
}

// start copies the bytes that have arrived into dst, which has room for them, and
// makes the rest go there too. mu is held at the call and released at the return.
func (b *Body) start(done func(error)) {
	n := b.take(b.dst)
	err := b.err
	if err == nil && b.closed {
		err = errBodyClosed
	}
	if b.read == b.size {
		err = nil
	} else if err == nil {
		b.filled = done
		done = nil
	}
	b.mu.Unlock()
	if n > 0 {
		b.ch.consumed(b, n)
	}
	if done != nil {
		done(err)
	}
}

// gather collects the whole body in memory that grows as it arrives, and then calls
// done, on the goroutine that reads the channel or on this one.
func (b *Body) gather(done func(*frame.Buffer, error)) {
	b.mu.Lock()
	if err := b.reach(b.waiting); err != nil {
		b.mu.Unlock()
		done(nil, err)
		return
	}
	b.start(func(err error) { done(b.own, err) })
}

// reach makes dst long enough for the first n bytes; it fails when they may not
// be held here. mu is held.
func (b *Body) reach(n int64) error {
	if n <= int64(len(b.dst)) {
		return nil
	}
	to := frame.Stage(n, b.size)
	if err := b.afford(int64(cap(b.head)) + to); err != nil {
		return err
	}
	v := frame.NewBuffer(int(to))
	copy(v.B, b.dst[:b.read])
	b.own.Free()
	b.own, b.dst = v, v.B
	return nil
}

// fail ends the body with an error, once what has arrived is read.
func (b *Body) fail(err error) {
	b.mu.Lock()
	b.end(err)
}

// end is fail with mu held at the call and released at the return.
func (b *Body) end(err error) {
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

// failed returns why no more of the body will arrive; nil while it may.
func (b *Body) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// failHeadless fails a request whose head will never be whole.
func (b *Body) failHeadless(cause error) {
	if b.served.CompareAndSwap(false, true) {
		b.in.Fail(cause)
	}
}
