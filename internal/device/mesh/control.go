package mesh

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// onControl serves the frames that carry no part of a message.
func (ch *channel) onControl(f *frame.Reader, h *frame.Header) error {
	contents, err := f.Small(int(h.Size))
	if err != nil {
		return foci.Errorf(foci.Unreachable, "read: %w", err)
	}
	if frame.Checksum(0, contents) != h.Sum {
		return foci.Errorf(foci.Protocol, "frame of type %d damaged: its checksum does not match", h.Type)
	}
	dialled := ch.link != nil
	switch {
	case h.Type == frame.Credit:
		return ch.onCredit(h)
	case h.Type == frame.Abort:
		return ch.onAbort(h, contents)
	case h.Type == frame.Ping:
		return ch.onPing(contents)
	case h.Type == frame.Pong && dialled:
		ch.life.pong(ch, contents)
		return nil
	case h.Type == frame.Cancel && !dialled:
		ch.onCancel(h)
		return nil
	case h.Type == frame.GoAway && dialled:
		return ch.onGoAway()
	}
	return foci.Errorf(foci.Protocol, "frame of type %d has no place here", h.Type)
}

func (ch *channel) onCredit(h *frame.Header) error {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	n := int64(h.Body)
	if h.Stream == 0 {
		ch.sendq.credit += n
	} else if s := ch.streams.get(h.Stream); s != nil && s.out != nil {
		ch.sendq.grant(s.out, n)
		if s.out.credit > frame.MaxGrant {
			return foci.Errorf(foci.Protocol, "the peer grants more credit than there may be")
		}
	}
	if ch.sendq.credit > frame.MaxGrant {
		return foci.Errorf(foci.Protocol, "the peer grants more credit than there may be")
	}
	ch.rouse()
	return nil
}

// onAbort ends a message that its sender cannot complete.
func (ch *channel) onAbort(h *frame.Header, contents []byte) error {
	cause := frame.DecodeError(ch.peer.Node, contents)
	ch.mu.Lock()
	s := ch.streams.get(h.Stream)
	if s == nil || s.left == 0 || ch.link != nil && !s.begun {
		ch.mu.Unlock()
		return nil
	}
	q, b := s.req, s.body
	s.left = 0
	if ch.link != nil {
		ch.end(h.Stream)
	}
	ch.mu.Unlock()
	if b != nil {
		b.fail(cause)
		if b.served.Load() {
			return nil // whoever has the body has the error
		}
	}
	if q != nil {
		ch.finish(q, nil, cause)
	} else if b != nil && ch.link == nil {
		b.failHeadless(cause)
	}
	return nil
}

// failHeadless answers a request whose head will never be whole.
func (b *Body) failHeadless(cause error) {
	if b.served.CompareAndSwap(false, true) {
		b.in.Fail(cause)
	}
}

// onCancel makes what is left of a request short: no more of its body will
// come and nobody wants more of its reply, but the reply must come to an end.
func (ch *channel) onCancel(h *frame.Header) {
	ch.mu.Lock()
	s := ch.streams.get(h.Stream)
	if s == nil {
		ch.mu.Unlock()
		return
	}
	in, b := s.in, s.body
	var after func()
	var hangUp *func()
	if in != nil {
		in.canceled.Store(true)
		hangUp = in.hangUp.Load()
	} else {
		after = ch.drop(s.out)
		w := frame.EncodeError(errCanceledThere)
		if s.out.off == 0 {
			ch.answerError(h.Stream, &w)
		} else {
			ch.control(frame.Header{Type: frame.Abort, Stream: h.Stream}, w.Append(nil))
		}
		ch.end(h.Stream)
	}
	ch.mu.Unlock()
	if after != nil {
		after()
	}
	if hangUp != nil {
		(*hangUp)()
	}
	if b == nil {
		return
	}
	b.fail(errCanceledThere)
	b.failHeadless(errCanceledThere)
}

func (ch *channel) onPing(contents []byte) error {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if int64(len(ch.out)) > ch.mesh.cfg.Limits.ChannelBytes {
		return foci.Errorf(foci.Protocol, "the peer pings but does not read the answers")
	}
	pong := ch.withClock(contents)
	ch.control(frame.Header{Type: frame.Pong}, pong)
	if ch.account != nil && ch.err == nil {
		n := int64(frame.HeaderSize + len(pong))
		ch.unwritten.own += n
		if ch.overdue(n) && len(ch.out) > clogged {
			ch.clogged.Store(true)
		}
	}
	return nil
}

// onGoAway stops using the channel for new requests, and closes it once the
// last reply is there.
func (ch *channel) onGoAway() error {
	ch.mu.Lock()
	ch.drain = true
	idle := ch.streams.used == 0
	ch.mu.Unlock()
	ch.link.draining(ch)
	if idle {
		return errPeerCloses
	}
	return nil
}

var errPeerCloses = foci.Errorf(foci.Unreachable, "the peer is shutting down")

// life is what pings tell of a channel.
type life struct {
	asked atomic.Int64 // when the last ping was sent, ns since the mesh began; 0: it was answered
	rtt   atomic.Int64 // ns, smoothed
	trips roundTrips
}

// ping sends one.
func (l *life) ping(ch *channel) {
	now := int64(time.Since(ch.mesh.began))
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.err != nil {
		return
	}
	l.asked.CompareAndSwap(0, now)
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(now))
	ch.control(frame.Header{Type: frame.Ping}, b[:])
}

// pong takes the answer; one that answers nothing is ignored.
func (l *life) pong(ch *channel, contents []byte) {
	asked, clock, known := splitPong(contents)
	if len(asked) != 8 || l.asked.Swap(0) == 0 {
		return
	}
	rtt := int64(time.Since(ch.mesh.began)) - int64(binary.LittleEndian.Uint64(asked))
	if rtt <= 0 {
		return
	}
	if known {
		ch.link.clock.Store(measure(clock, ch.mesh.cfg.Now(), time.Duration(rtt)))
	}
	l.trips.add(time.Duration(rtt))
	old := l.rtt.Load()
	if old == 0 {
		old = rtt
	}
	smooth := old + (rtt-old)/8
	l.rtt.Store(smooth)
	ch.link.rtt.Store(smooth)
}
