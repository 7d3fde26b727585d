package stream

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// afford counts n bytes of a request as held here; it fails above the limits. Replies
// are bounded where they are requested.
func (b *Body) afford(n int64) error {
	if b.in == nil {
		return nil
	}
	return b.in.grow(n)
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

// receivePacked is receive for compressed contents.
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

var errDamaged = foci.Errorf(foci.Busy, "the message was damaged in transit: its checksum does not match (send it again)")

// held is how many bytes wait here to be read.
func (b *Body) held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting
}

// space returns the memory for the next n bytes: a part of dst, or a buffer. It fails
// when they may not be held here.
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
	if b.err == nil { // what arrives after that is thrown away
		b.arrived += int64(n)
	}
	unwanted, waits := b.closed || b.err != nil, false
	var filled func(error)
	var lacks error
	piped := b.piped
	switch {
	case unwanted:
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
	if unwanted && v != nil {
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

// progress tracks the arrival of a long request from one Sweep to the next. Its zero
// value is that of a request that has just begun.
type progress struct {
	left int64         // bytes to arrive, when it last moved
	mark int64         // bytes that had arrived on the channel by then
	last int64         // and at the last Sweep
	idle time.Duration // time in which its sender could have sent more of it, and did not
}

// update takes the state of an arriving request: bytes left, the credit that its
// sender has for it and for the channel, bytes that have arrived on the channel, and
// how many requests arrive there. It returns for how long the sender has been idle.
//
// A sender without credit is not idle, nor is one that sends other messages: senders
// send a piece of each in turn, which takes long on a slow path.
func (p *progress) update(left, credit, channelCredit, took int64, arriving int, passed time.Duration) time.Duration {
	moves := took > p.last
	p.last = took
	round := 2 * int64(arriving) * frame.MaxPiece
	switch {
	case left != p.left:
		p.left, p.mark, p.idle = left, took, 0
	case credit <= 0 || channelCredit <= 0:
	case moves && took-p.mark < round:
	default:
		p.idle += passed
	}
	return p.idle
}

// Sweep fails requests of which nothing has arrived for too long, so that requests
// that never arrive do not hold slots and memory.
func (s *Server) Sweep(now time.Time) {
	if mutant.On(mutant.StalledBody) {
		return
	}
	var late []*Body
	s.mu.Lock()
	passed := now.Sub(s.swept)
	if s.swept.IsZero() {
		passed = 0
	}
	s.swept = now
	arriving := 0
	s.streams.each(func(st *stream) {
		if st.arriving() {
			arriving++
		}
	})
	if arriving > 0 {
		s.streams.each(func(st *stream) {
			if st.arriving() && st.pace.update(st.left, st.credit, s.credit, s.received, arriving, passed) >= s.cfg.Progress {
				late = append(late, st.body)
			}
		})
	}
	s.mu.Unlock()
	for _, b := range late {
		b.stall(s.cfg.Progress)
	}
}

// arriving reports whether more of a request is to arrive and is wanted.
func (s *stream) arriving() bool { return s.in != nil && s.body != nil && s.left > 0 }

// stall fails a request that does not arrive, unless the rest has just arrived.
func (b *Body) stall(after time.Duration) {
	err := &foci.Error{
		Kind: foci.Busy, Msg: "the request was given up: no more of it came for " + after.String(), RetryAfter: time.Second,
		Fix: "send it again",
	}
	b.mu.Lock()
	if b.served.Load() && b.arrived == b.size { // the rest has just arrived
		b.mu.Unlock()
		return
	}
	b.end(err)
	b.failHeadless(err)
}
