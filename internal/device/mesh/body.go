package mesh

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/frame"
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
	in      *Incoming // whose body it is, on the listening side

	served atomic.Bool // the head was delivered, or the request was answered before that
	owed   int64       // consumed, not yet granted; guarded by ch.mu

	mu      sync.Mutex
	more    sync.Cond
	queue   queue[*frame.Buffer] // arrived and not read
	at      int                  // read of the first of them
	arrived int64
	read    int64
	waiting int64         // bytes of queue
	dst     []byte        // where it goes, when somebody asked for all of it; from its beginning
	own     *frame.Buffer // what dst is part of, when it is longer the more has arrived
	filled  func(error)
	err     error // why no more will come before the end
	closed  bool
	piped   func() // instead of a reader: see pipe
}

func newBody(ch *channel, h *frame.Header) *Body {
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

// fill has the rest of the body put into dst, which is as long, as it arrives;
// then done is called, on the goroutine that reads the channel or on this one.
func (b *Body) fill(dst []byte, done func(error)) {
	b.mu.Lock()
	b.dst = dst
	b.start(done)
}

// start puts what has arrived into dst, which has room for that, and sees to it
// that the rest comes there too. mu is held, and is not afterwards.
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

// gather has the whole body put into memory that is taken as it arrives, and then
// calls done, on the goroutine that reads the channel or on this one.
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

// afford has n bytes of a request counted as held here; it fails when they may
// not be. Replies are bounded by those who asked.
func (b *Body) afford(n int64) error {
	if b.in == nil {
		return nil
	}
	return b.ch.grow(b.in, n)
}

// room makes room for k more bytes of the head.
func (b *Body) room(k int) error {
	n := len(b.head) + k
	if n <= cap(b.head) {
		return nil
	}
	to := frame.Stage(int64(n), int64(b.headLen))
	if err := b.afford(to); err != nil {
		return err
	}
	b.head = append(make([]byte, 0, to), b.head...)
	return nil
}

// refuse skips the contents of a frame that cannot be held, and fails the body.
func (b *Body) refuse(f *frame.Reader, h *frame.Header, why error) error {
	if err := f.Skip(int(h.Size)); err != nil {
		return err
	}
	b.ch.consumed(nil, h.Raw())
	b.fail(why)
	return nil
}

// receive reads the contents of one frame; only a broken connection is an
// error of it. Contents that do not check fail the body.
func (b *Body) receive(f *frame.Reader, h *frame.Header) error {
	if h.Packing() != 0 {
		return b.receivePacked(f, h)
	}
	rest, sum := int(h.Size), uint32(0)
	k := min(rest, b.headLen-len(b.head))
	rest -= k
	err := b.room(k)
	var p []byte
	var v *frame.Buffer
	if err == nil && rest > 0 {
		p, v, err = b.space(rest)
	}
	if err != nil {
		return b.refuse(f, h, err)
	}
	if k > 0 {
		at := len(b.head)
		b.head = b.head[:at+k]
		if err := f.Full(b.head[at:]); err != nil {
			return err
		}
		sum = frame.Checksum(0, b.head[at:])
	}
	if rest > 0 {
		if err := f.Full(p); err != nil {
			return err
		}
		sum = frame.Checksum(sum, p)
	}
	if k > 0 {
		b.ch.consumed(b, k)
	}
	if sum != h.Sum {
		if v != nil {
			v.Free()
		}
		b.ch.consumed(b, rest)
		b.fail(errDamaged)
		return nil
	}
	b.commit(rest, v)
	return nil
}

// receivePacked does it for contents that are compressed.
func (b *Body) receivePacked(f *frame.Reader, h *frame.Header) error {
	v := frame.NewBuffer(h.Raw())
	damaged, err := f.Contents(h, v.B)
	if err != nil {
		v.Free()
		return err
	}
	rest := len(v.B)
	if damaged {
		v.Free()
		b.ch.consumed(b, rest)
		b.fail(errDamaged)
		return nil
	}
	k := min(rest, b.headLen-len(b.head))
	err = b.room(k)
	if err == nil {
		err = b.afford(int64(cap(b.head)+rest) + b.held())
	}
	if err != nil {
		v.Free()
		b.ch.consumed(nil, rest)
		b.fail(err)
		return nil
	}
	if k > 0 {
		b.head = append(b.head, v.B[:k]...)
		rest = copy(v.B, v.B[k:])
		v.B = v.B[:rest]
		b.ch.consumed(b, k)
	}
	if rest == 0 {
		v.Free()
	}
	b.commit(rest, v)
	return nil
}

var errDamaged = foci.Errorf(foci.Busy, "the message was damaged on its way: its checksum does not match (send it again)")

// held is how many bytes wait here to be read.
func (b *Body) held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting
}

// space is where the next n bytes go: where somebody wants them, or a buffer. It
// fails when they may not be held here.
func (b *Body) space(n int) ([]byte, *frame.Buffer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.filled != nil {
		if err := b.reach(b.read + int64(n)); err != nil {
			return nil, nil, err
		}
		return b.dst[b.read:][:n], nil, nil
	}
	if b.closed || b.err != nil { // it is thrown away at once
		v := frame.NewBuffer(n)
		return v.B, v, nil
	}
	if err := b.afford(int64(cap(b.head)+n) + b.waiting); err != nil {
		return nil, nil, err
	}
	v := frame.NewBuffer(n)
	return v.B, v, nil
}

// commit makes n received bytes available.
func (b *Body) commit(n int, v *frame.Buffer) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	if b.err == nil { // what comes after that is thrown away
		b.arrived += int64(n)
	}
	gone, waits := b.closed || b.err != nil, false
	var filled func(error)
	var lacks error
	piped := b.piped
	switch {
	case gone:
	case v == nil:
		b.read += int64(n)
		if b.read == b.size {
			filled, b.filled = b.filled, nil
		}
	case b.filled != nil: // it was asked for while these bytes were being read
		if lacks = b.reach(b.read + int64(n)); lacks != nil {
			v.Free()
			break
		}
		copy(b.dst[b.read:], v.B)
		b.read += int64(n)
		v.Free()
		if b.read == b.size {
			filled, b.filled = b.filled, nil
		}
	default:
		b.queue.push(v)
		b.waiting += int64(n)
		b.more.Broadcast()
		waits = true
	}
	b.mu.Unlock()
	if lacks != nil {
		b.ch.consumed(nil, n)
		b.fail(lacks)
		return
	}
	if gone && v != nil {
		v.Free()
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
	b.end(err)
}

// end does it for fail; mu is held, and is not afterwards.
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
