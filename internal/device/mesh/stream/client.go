package stream

import (
	"errors"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// Owner is the link that a [Client] belongs to.
type Owner interface {
	// Lost is called once, when the channel has closed.
	Lost(c *Client, why error)
	// Orphaned takes back a request that was unanswered when the channel closed.
	Orphaned(q *Request, c *Client, why error)
	// Draining is called when the peer wants no new requests on the channel.
	Draining(c *Client)
	// Pinged is called with the round trip of a ping and the peer's clock reading in
	// the pong; nil when there is none.
	Pinged(rtt time.Duration, clock *ClockReading)
}

// Client is the dialling side of a channel: it sends requests and receives their
// replies.
type Client struct {
	noReplies
	conn
	ID    link.Conn // by which the owner knows it
	owner Owner
	life  life
}

// ErrGone is the error of a channel that takes no more requests; another may.
var ErrGone = errors.New("the channel is closing")

// NewClient returns the dialling side of a channel that a handshake has opened. It
// does nothing before Attach and Run.
func NewClient(cfg *Config, o *handshake.Opened) *Client {
	c := new(Client)
	c.init(cfg, o, c)
	return c
}

// Attach sets the owner, and the id and index in its class by which the owner knows
// the channel.
func (c *Client) Attach(owner Owner, id link.Conn, index int) {
	c.owner, c.ID, c.Index = owner, id, index
}

// Run serves the channel until it is closed.
func (c *Client) Run() { c.run() }

// Send queues a request. On an error nothing was done and Done is not called.
func (c *Client) Send(q *Request) error {
	h := frame.Header{Type: frame.Request, Method: q.Method, Head: uint32(len(q.Head))}
	h.Body = uint32(q.size - int64(len(q.Head)))
	if q.copied { // checksums need no lock
		h.Size = uint32(q.size)
		h.Sum = frame.Checksum(frame.Checksum(0, q.Head), q.Body)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || c.drain {
		return ErrGone
	}
	if q.copied && q.moves == 0 && int64(len(c.out)) > c.cfg.QueueBytes {
		return busy("too much waits to be written to node " + c.Peer.Node.Short())
	}
	s := c.streams.open()
	if s == nil {
		return busy("too many requests in flight on one channel to node " + c.Peer.Node.Short())
	}
	q.channel.Store(c)
	if q.finished.Load() { // canceled while it waited for a channel
		c.end(s.id)
		return nil
	}
	q.id, q.out = s.id, nil // from here on Cancel calls this channel
	q.sent.Store(true)
	c.load.Store(int32(c.streams.used))
	s.req = q
	h.Stream = s.id
	c.count.sent.Add(1)
	if q.copied {
		c.out = append(append(frame.AppendHeader(c.out, &h), q.Head...), q.Body...)
		c.outN++
	} else {
		q.out = &outgoing{header: h, head: q.Head, body: q.Body, source: q.Source, size: q.size, credit: int64(c.Window), pack: c.packs(q.size - int64(len(q.Head)))}
		c.send(s, q.out)
	}
	c.rouse()
	return nil
}

// serve serves the frames of a listening side.
func (c *Client) serve(f *frame.Reader, h *frame.Header) error {
	switch h.Type {
	case frame.Data:
		return c.onMore(f, h)
	case frame.Reply:
		return c.onReply(f, h)
	}
	contents, err := c.contents(f, h)
	if err != nil {
		return err
	}
	switch h.Type {
	case frame.Credit:
		return c.onCredit(h)
	case frame.Abort:
		c.onAbort(h, contents)
		return nil
	case frame.Ping:
		c.mu.Lock()
		defer c.mu.Unlock()
		_, err := c.answerPing(contents)
		return err
	case frame.Pong:
		c.onPong(contents)
		return nil
	case frame.GoAway:
		return c.onGoAway()
	}
	return misplaced(h)
}

// onMore reads more of a long reply.
func (c *Client) onMore(f *frame.Reader, h *frame.Header) error {
	last, err := c.onData(f, h)
	if last && err == nil { // else Close ends the stream
		c.mu.Lock()
		c.end(h.Stream)
		c.mu.Unlock()
	}
	return err
}

// onReply reads the first frame of a reply, and finishes the request when the reply is
// whole.
func (c *Client) onReply(f *frame.Reader, h *frame.Header) error {
	whole := h.Whole()
	q, b, err := c.begin(h, whole)
	switch {
	case err != nil:
		return err
	case q == nil:
		return c.skip(f, h, !whole)
	case !whole:
		return c.onPiece(f, h, b)
	}
	r, contents := newReply(h.Raw())
	switch damaged, err := f.Contents(h, contents); {
	case err != nil:
		err = readError(err)
		c.Close(err)
		c.orphan(q, err)
		return err
	case damaged:
		c.finish(q, nil, errDamaged)
	case h.Flags&frame.FlagError != 0:
		c.finish(q, nil, q.answeredError(c.Peer, contents[:h.Head]))
	default:
		r.Head, r.Body = contents[:h.Head:h.Head], contents[h.Head:]
		c.finish(q, r, nil)
	}
	return nil
}

// begin finds the request that a reply answers; nil when none waits for it. The
// reply ends the stream when it is whole, else b will be its body.
func (c *Client) begin(h *frame.Header, whole bool) (q *Request, b *Body, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.streams.get(h.Stream)
	if s != nil && s.begun {
		s = nil
	}
	if s == nil {
		c.count.unasked.Add(1)
	} else {
		q, s.begun = s.req, true
		s.left, s.credit = int64(h.Head)+int64(h.Body), int64(c.cfg.Window)
	}
	switch {
	case !whole:
		if err = c.spend(s, int64(h.Raw())); err == nil && q != nil {
			b = newBody(&c.conn, h)
			s.body = b
		}
	case s != nil:
		c.end(h.Stream)
	}
	if q != nil {
		c.count.answered.Add(1)
		if q.out != nil { // an answer ends the request's body
			c.drop(q.out)
		}
	}
	return q, b, err
}

// smallReply is how much of a reply is kept beside its struct.
const smallReply = 104

// newReply makes a reply with memory for n bytes of it; small ones in one allocation.
func newReply(n int) (*Reply, []byte) {
	if n > smallReply {
		return new(Reply), make([]byte, n)
	}
	var v struct {
		Reply
		contents [smallReply]byte
	}
	return &v.Reply, v.contents[:n]
}

// deliver hands over a long reply whose head has arrived, or fails its request.
func (c *Client) deliver(b *Body, failed error) {
	c.mu.Lock()
	s := c.take(b)
	if s == nil {
		c.mu.Unlock()
		return
	}
	q := s.req
	stream := q != nil && q.Stream && b.size > 0 && failed == nil
	if stream {
		s.req = nil // from here on the body is the caller's
	}
	c.mu.Unlock()
	switch {
	case q == nil:
	case failed != nil:
		c.finish(q, nil, failed)
	case stream:
		c.finish(q, &Reply{Head: b.head, Stream: b}, nil)
	default:
		c.collect(q, b)
	}
}

// collect finishes a request when the whole body of its reply has arrived.
func (c *Client) collect(q *Request, b *Body) {
	if !c.cfg.Collecting.take(b.size) {
		c.finish(q, nil, busy("too many long replies are being received"))
		_ = b.Close() // cannot fail
		return
	}
	body := make([]byte, b.size)
	b.fill(body, func(err error) {
		c.cfg.Collecting.give(b.size)
		switch {
		case err == nil:
			c.finish(q, &Reply{Head: b.head, Body: body}, nil)
		case c.isClosed():
			c.orphan(q, err)
		default:
			c.finish(q, nil, err)
		}
	})
}

// onAbort ends a reply that its sender cannot complete.
func (c *Client) onAbort(h *frame.Header, contents []byte) {
	cause := frame.DecodeError(c.Peer.Node, contents)
	c.mu.Lock()
	s := c.streams.get(h.Stream)
	if s == nil || s.left == 0 || !s.begun {
		c.mu.Unlock()
		return
	}
	q, b := s.req, s.body
	c.end(h.Stream)
	c.mu.Unlock()
	if b != nil {
		b.fail(cause)
		if b.served.Load() {
			return // the owner of the body has the error
		}
	}
	if q != nil {
		c.finish(q, nil, cause)
	}
}

// onGoAway stops the use of the channel for new requests, and closes it once the last
// reply has arrived.
func (c *Client) onGoAway() error {
	c.mu.Lock()
	c.drain = true
	idle := c.streams.used == 0
	c.mu.Unlock()
	c.owner.Draining(c)
	if idle {
		return errPeerCloses
	}
	return nil
}

var errPeerCloses = foci.Errorf(foci.Unreachable, "the peer is shutting down")
