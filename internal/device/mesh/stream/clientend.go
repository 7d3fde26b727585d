package stream

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// letGo calls f as soon as the writer no longer uses the body of q: mostly at
// once. c.mu is not held.
func (c *Client) whenReleased(q *Request, f func()) {
	c.mu.Lock()
	if q.channel.Load() == c && q.out != nil {
		o := q.out
		if first := o.after; first != nil { // it is being waited for already
			next := f
			f = func() {
				first()
				next()
			}
		}
		o.after = f
		f = c.drop(o)
	}
	c.mu.Unlock()
	if f != nil {
		f()
	}
}

// finish ends a request with its reply or an error, unless it has left this
// channel.
func (c *Client) finish(q *Request, r *Reply, err error) {
	if q.copied { // the writer never saw its body
		if q.channel.CompareAndSwap(c, nil) {
			q.complete(r, err)
		}
		return
	}
	c.whenReleased(q, func() {
		if q.channel.CompareAndSwap(c, nil) {
			q.complete(r, err)
		}
	})
}

// orphan hands a request whose channel was lost to the link, for another.
func (c *Client) orphan(q *Request, why error) {
	c.whenReleased(q, func() {
		c.mu.Lock() // whatever finds it here under mu finds its fields as they are here
		mine := q.channel.CompareAndSwap(c, nil)
		c.mu.Unlock()
		if mine {
			c.owner.Orphaned(q, c, why)
		}
	})
}

// Moved counts a request that goes to another channel because this one was lost.
func (c *Client) Moved() { c.count.moved.Add(1) }

// cancel ends a request whose caller has given up; the slot stays in use until its
// reply has come to an end. It reports false when the request has left this
// channel.
func (c *Client) cancel(q *Request, err error) bool {
	c.mu.Lock()
	if q.channel.Load() != c {
		c.mu.Unlock()
		return false
	}
	var b *Body
	if s := c.streams.get(q.id); s != nil && s.req == q {
		b = s.body
		s.req, s.body, s.out = nil, nil, nil
		if q.out != nil {
			c.written(q.out) // the writer must not begin with it now
		}
		if q.out != nil && q.out.off == 0 {
			c.end(q.id) // the peer never heard of it
		} else {
			c.control(frame.Header{Type: frame.Cancel, Stream: q.id}, nil)
		}
	}
	c.mu.Unlock()
	if b != nil {
		b.discard()
	}
	c.whenReleased(q, func() { q.done(nil, err) })
	return true
}

// broken ends a request whose body cannot be read: the peer is told that no more
// of it will arrive.
func (c *Client) broken(p *piece, cause error) {
	err := foci.Errorf(foci.Internal, "reading a body to be sent, at byte %d: %w", p.off, cause)
	w := frame.EncodeError(err)
	id := p.o.header.Stream
	var q *Request
	c.mu.Lock()
	c.drop(p.o)
	if s := c.streams.get(id); s != nil {
		q, s.req, s.out = s.req, nil, nil
		if p.off == 0 {
			c.end(id) // the peer never heard of it
		}
	}
	if p.off > 0 {
		c.abort(id, &w)
	}
	c.mu.Unlock()
	if q != nil {
		c.finish(q, nil, err)
	}
}

// unwanted tells the peer that the rest of a reply is not wanted.
func (c *Client) unwanted(id uint32) {
	c.control(frame.Header{Type: frame.Cancel, Stream: id}, nil)
}

// Close ends the channel, once. Its requests go back to the owner, which hears of
// the loss first, unless part of the reply was handed out already.
func (c *Client) Close(why error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	var lost []*Request
	var bodies []*Body
	c.streams.each(func(s *stream) {
		if s.req != nil {
			lost = append(lost, s.req)
		}
		if s.body != nil {
			bodies = append(bodies, s.body)
		}
	})
	c.shut(why)
	c.mu.Unlock()

	c.hangUp()
	c.owner.Lost(c, why)
	for _, b := range bodies {
		b.fail(c.lost(why))
	}
	for _, q := range lost {
		c.orphan(q, why)
	}
}

// lost is the error of bodies whose channel was lost.
func (c *conn) lost(why error) error {
	return &foci.Error{
		Kind: foci.Unreachable, Where: "node " + c.Peer.Node.Short(), Msg: "the channel was lost", Err: why,
	}
}
