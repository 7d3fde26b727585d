package stream

import (
	"crypto/tls"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// copyMax is the longest message that is copied into the queue; longer ones are
// written from their own memory.
const copyMax = 16 << 10

// conn is what both sides of a channel share: the queue of frames to be written,
// the table of streams, and the credit in both directions. Two goroutines serve it,
// one reading and one writing.
type conn struct {
	handshake.Opened
	cfg   *Config
	side  side
	local string
	born  time.Time

	load  atomic.Int32 // streams in use
	heavy atomic.Int64 // bytes of messages being sent that were not copied
	count counters

	closed chan struct{}

	mu        sync.Mutex // guards the fields below; it is not held over callbacks or I/O
	wake      sync.Cond  // the writer
	idle      bool       // the writer waits
	retire    bool       // the writer should end, because it was idle for long
	parked    bool       // the writer has ended; rouse starts another
	out       []byte     // whole frames to be written
	outN      int        // how many
	spare     []byte     // memory for the next of these
	seen      int64      // bytes in and out at the last trim
	sendq     sendQueue
	streams   table
	credit    int64     // that the peer has for what it sends us
	owed      int64     // consumed, not yet granted
	unwritten unwritten // that replies in out count for
	received  int64     // bytes of long messages that have arrived, in all
	drain     bool      // no new requests
	err       error     // why it was closed; nil while it is open
}

// side is what the dialling side of a channel, a [Client], and its listening side,
// a [Server], do differently.
type side interface {
	// serve serves a frame whose header has been read.
	serve(f *frame.Reader, h *frame.Header) error
	// deliver hands a long message over: its head has arrived, or, with an error,
	// never will.
	deliver(b *Body, failed error)
	// unwanted is called when the rest of a message is thrown away; mu is held.
	unwanted(id uint32)
	// broken ends a message whose source has failed.
	broken(p *piece, cause error)
	Close(why error)
	replier
}

// replier is the part of a side that concerns the replies which it sends.
type replier interface {
	// pause waits, before a frame is read, while too many replies wait.
	pause()
	// emptied is called when all that was queued is taken to be written; mu is held.
	emptied()
	// last is called when the last piece of a message is taken to be written; mu is
	// held.
	last(id uint32)
	// finished reports whether nothing will be written any more; mu is held.
	finished() bool
	// scratch counts memory for one more piece that is written at a time. It reports
	// whether there is any.
	scratch() bool
	// unread gives back what replies counted for that were written, or never will be.
	unread(u unwritten)
}

// noReplies is the replier of a side that sends none.
type noReplies struct{}

func (noReplies) pause()           {}
func (noReplies) emptied()         {}
func (noReplies) last(uint32)      {}
func (noReplies) finished() bool   { return false }
func (noReplies) scratch() bool    { return true }
func (noReplies) unread(unwritten) {}

func (c *conn) init(cfg *Config, o *handshake.Opened, s side) {
	c.Opened, c.cfg, c.side = *o, cfg, s
	c.local, c.born, c.closed = o.Conn.LocalAddr().String(), time.Now(), make(chan struct{})
	c.wake.L = &c.mu
	c.streams.limit = int(o.Streams)
	c.sendq.credit = int64(o.Window) * frame.WindowsPer
	c.credit = int64(cfg.Window) * frame.WindowsPer
}

// Load is how much is under way on the channel: streams, and bytes of messages
// that are sent in pieces.
func (c *conn) Load() (streams int32, bytes int64) { return c.load.Load(), c.heavy.Load() }

// Received is how many bytes have been read.
func (c *conn) Received() int64 { return c.count.bytesIn.Load() }

// Done is closed when the channel is.
func (c *conn) Done() <-chan struct{} { return c.closed }

// rouse wakes the writer; c.mu is held.
func (c *conn) rouse() {
	switch {
	case c.parked && c.err == nil: // the reader still counts as a task, so another may begin
		c.parked = false
		c.cfg.Go(c.write)
	case c.idle:
		c.idle = false
		c.wake.Signal()
	}
}

// control queues a frame without contents, or with few; c.mu is held.
func (c *conn) control(h frame.Header, contents []byte) {
	c.out = frame.Append(c.out, &h, contents, nil)
	c.outN++
	c.rouse()
}

// abort queues the end of a message that has begun; c.mu is held.
func (c *conn) abort(id uint32, w *wire.Error) {
	c.control(frame.Header{Type: frame.Abort, Stream: id}, w.Append(nil))
}

// end releases a stream; c.mu is held.
func (c *conn) end(id uint32) {
	c.streams.release(id)
	c.load.Store(int32(c.streams.used))
}

// send queues a message to be sent in pieces; c.mu is held.
func (c *conn) send(s *stream, o *outgoing) {
	s.out = o
	o.update()
	c.heavy.Add(o.size)
	c.sendq.add(o)
}

// drop stops the sending of a message and returns the function that releases its
// memory, to be called without c.mu. It returns nil while the writer uses the memory:
// then the writer calls the function. c.mu is held.
func (c *conn) drop(o *outgoing) func() {
	if o == nil {
		return nil
	}
	c.written(o)
	if o.busy > 0 {
		return nil
	}
	after := o.after
	o.after = nil
	return after
}

// written stops counting a message that was sent, or never will be; c.mu is held.
func (c *conn) written(o *outgoing) {
	if !o.dead {
		o.dead = true
		c.heavy.Add(-o.size)
	}
}

// abandon stops the stream of a body that is no longer read.
func (c *conn) abandon(b *Body) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.streams.get(b.id)
	if s == nil || s.body != b {
		return
	}
	s.body = nil
	if c.err == nil {
		c.side.unwanted(b.id)
	}
}

// consumed returns credit for n bytes that were received, of a stream when b
// is not nil, and grants it once it is worth a frame.
func (c *conn) consumed(b *Body, n int) {
	if n == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	enough := int64(c.cfg.Window) / 2
	if c.owed += int64(n); c.owed >= enough {
		c.control(frame.Header{Type: frame.Credit, Body: uint32(c.owed)}, nil)
		c.credit += c.owed
		c.owed = 0
	}
	if b == nil {
		return
	}
	b.owed += int64(n)
	s := c.streams.get(b.id)
	if s == nil || s.body != b || s.left <= s.credit || b.owed < enough {
		return
	}
	c.control(frame.Header{Type: frame.Credit, Stream: b.id, Body: uint32(b.owed)}, nil)
	s.credit += b.owed
	b.owed = 0
}

// shut marks the channel as closed and forgets its streams; c.mu is held. The
// caller calls unread with what it returns, and hangUp.
func (c *conn) shut(why error) (queued unwritten) {
	c.err = why
	c.streams = table{}
	c.load.Store(0)
	queued, c.unwritten = c.unwritten, unwritten{}
	c.rouse()
	close(c.closed)
	return queued
}

// hangUp closes the connection without the TLS close alert, which would block the
// caller for seconds when the peer reads nothing.
func (c *conn) hangUp() {
	if t, ok := c.Conn.(*tls.Conn); ok {
		_ = t.NetConn().Close() // what was lost is known to the caller
	}
	_ = c.Conn.Close() // likewise
}

func (c *conn) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// quietBytes is the traffic between two looks at a channel below which it
// counts as idle: that of pings.
const quietBytes = 4 << 10

// keepQueue is the memory that the queue of an idle channel keeps, in bytes.
const keepQueue = 1 << 10

// Trim frees the memory that bursts have left in a channel that has been idle since
// the last call, and ends its writer goroutine: with many nodes most channels are
// idle.
func (c *conn) Trim() {
	seen := c.count.bytesIn.Load() + c.count.bytesOut.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	quiet := seen-c.seen < quietBytes
	c.seen = seen
	if !quiet || !c.idle && !c.parked || c.streams.used > 0 {
		return
	}
	if c.idle && c.Class != foci.Ping { // pings would wake it every second
		c.idle, c.retire = false, true
		c.wake.Signal()
	}
	if cap(c.out)+cap(c.spare) > keepQueue {
		c.out, c.spare = nil, nil
	}
	c.sendq.trim()
	c.streams.trim()
}
