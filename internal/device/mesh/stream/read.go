package stream

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// run starts the writer and reads frames until the connection ends or the peer
// breaks the protocol; then it closes the channel.
func (c *conn) run() {
	c.cfg.Go(c.write)
	c.side.Close(c.read())
}

func (c *conn) read() error {
	f := frame.NewReader(c.Conn)
	var h frame.Header
	for {
		c.side.pause()
		if err := f.Header(&h); err != nil {
			return readError(err)
		}
		c.count.bytesIn.Add(int64(frame.HeaderSize + h.Size))
		if err := c.side.serve(f, &h); err != nil {
			return err
		}
	}
}

// readError is why a channel ends when a read of it has failed.
func readError(err error) error {
	if foci.KindOf(err) == foci.Protocol {
		return err
	}
	return foci.Errorf(foci.Unreachable, "read: %w", err)
}

// spend takes the credit for a frame of a long message; c.mu is held.
func (c *conn) spend(s *stream, n int64) error {
	c.credit -= n
	c.received += n
	if s != nil {
		s.credit -= n
		s.left -= n
	}
	if c.credit < 0 || s != nil && s.credit < 0 {
		return foci.Errorf(foci.Protocol, "the peer sends more than it has credit for")
	}
	if s != nil && s.left < 0 {
		return foci.Errorf(foci.Protocol, "the peer sends more of a message than it announced")
	}
	return nil
}

// skip skips the contents of a frame that is thrown away, and returns the credit
// that they cost, if any, to the peer.
func (c *conn) skip(f *frame.Reader, h *frame.Header, cost bool) error {
	if err := f.Skip(int(h.Size)); err != nil {
		return err
	}
	if cost {
		c.consumed(nil, h.Raw())
	}
	return nil
}

// onData reads more of a long message. It reports whether that was the last.
func (c *conn) onData(f *frame.Reader, h *frame.Header) (last bool, err error) {
	c.mu.Lock()
	s := c.streams.get(h.Stream)
	err = c.spend(s, int64(h.Raw()))
	var b *Body
	if s != nil {
		b, last = s.body, s.left == 0
	}
	c.mu.Unlock()
	switch {
	case err != nil:
	case b != nil:
		err = c.onPiece(f, h, b)
	default:
		err = c.skip(f, h, true)
	}
	return last, err
}

// onPiece reads a part of a long message and hands the message over as soon as
// its head is there, or cannot arrive any more.
func (c *conn) onPiece(f *frame.Reader, h *frame.Header, b *Body) error {
	if err := b.receive(f, h); err != nil {
		return err
	}
	failed := b.failed()
	if len(b.head) == b.headLen {
		failed = nil // the reader of the body gets the error
	} else if failed == nil {
		return nil
	}
	if !b.served.Load() {
		c.side.deliver(b, failed)
	}
	return nil
}

// take marks a body as handed over and returns its stream; nil when it has been
// handed over or is no longer wanted. c.mu is held.
func (c *conn) take(b *Body) *stream {
	s := c.streams.get(b.id)
	if s == nil || s.body != b || !b.served.CompareAndSwap(false, true) {
		return nil
	}
	return s
}

// contents reads those of a frame that carries no part of a message.
func (c *conn) contents(f *frame.Reader, h *frame.Header) ([]byte, error) {
	contents, err := f.Small(int(h.Size))
	if err != nil {
		return nil, foci.Errorf(foci.Unreachable, "read: %w", err)
	}
	if frame.Checksum(0, contents) != h.Sum {
		return nil, foci.Errorf(foci.Protocol, "frame of type %d damaged: its checksum does not match", h.Type)
	}
	return contents, nil
}

func misplaced(h *frame.Header) error {
	return foci.Errorf(foci.Protocol, "frame of type %d has no place here", h.Type)
}

// onCredit grants credit to a stream, or to the channel.
func (c *conn) onCredit(h *frame.Header) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := int64(h.Body)
	if h.Stream == 0 {
		c.sendq.credit += n
	} else if s := c.streams.get(h.Stream); s != nil && s.out != nil {
		c.sendq.grant(s.out, n)
		if s.out.credit > frame.MaxGrant {
			return foci.Errorf(foci.Protocol, "the peer grants more credit than there may be")
		}
	}
	if c.sendq.credit > frame.MaxGrant {
		return foci.Errorf(foci.Protocol, "the peer grants more credit than there may be")
	}
	c.rouse()
	return nil
}
