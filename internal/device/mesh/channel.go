package mesh

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// copyMax is the longest message that is copied into the queue; longer ones
// are written from where they are.
const copyMax = 16 << 10

// channel is one TCP connection after its handshake, on either side. Two
// goroutines serve it, one reading and one writing; whatever they share is
// under mu, which is never held while anything is called or written.
type channel struct {
	mesh  *Mesh
	link  *Link     // dialling side, else nil
	id    link.Conn // of link's
	class foci.Class
	index int
	peer  Identity
	shown *auth.Shown // the peer's certificate; nil without TLS
	conn  net.Conn
	local string
	born  time.Time

	account *account // listening side

	ours   uint32        // initial credit of a stream that we receive
	theirs uint32        // and of one that we send
	pack   frame.Packing // how bodies that we send are compressed; 0: they are not

	load  atomic.Int32 // streams under way
	heavy atomic.Int64 // bytes of messages being sent that were not copied
	life  life
	count counters

	clogged atomic.Bool // too many replies wait to read more requests; set under mu

	mu        sync.Mutex
	wake      sync.Cond // the writer
	idle      bool      // the writer waits
	retire    bool      // it should end, because it has waited for long
	away      bool      // it has ended, and begins anew when there is something to write
	out       []byte    // whole frames to be written
	outN      int       // how many
	flows     sync.Cond // the reader, while clogged
	spare     []byte    // memory for the next of these
	seen      int64     // bytes in and out at the last trim
	sendq     sendQueue
	streams   table
	credit    int64     // that the peer has for what it sends us
	owed      int64     // consumed, not yet granted
	unwritten unwritten // that replies in out count for
	took      int64     // bytes of long messages that have come, in all
	swept     time.Time
	inUse     budget
	drain     bool  // no new requests
	err       error // why it was closed; nil while it is open
	closed    chan struct{}
	orphans   []*Body // of requests that were on their way in when it was closed
}

func newChannel(m *Mesh, o *handshake.Opened) *channel {
	ours := m.cfg.Window
	ch := &channel{
		mesh: m, class: o.Class, index: o.Index, peer: o.Peer, shown: o.Certificate, conn: o.Conn, local: o.Conn.LocalAddr().String(),
		born: time.Now(), ours: ours, theirs: o.Window, closed: make(chan struct{}),
		pack: m.cfg.Classes[o.Class].Compress.packing() & o.Packing,
	}
	ch.wake.L, ch.flows.L = &ch.mu, &ch.mu
	ch.streams.limit = int(o.Streams)
	ch.sendq.credit = int64(o.Window) * frame.WindowsPer
	ch.credit = int64(ours) * frame.WindowsPer
	ch.inUse.maxCount = int64(o.Streams)
	ch.inUse.maxBytes = m.cfg.Limits.ChannelBytes
	return ch
}

// run serves the channel until it is closed.
func (ch *channel) run() {
	ch.mesh.tasks.Go(ch.write)
	ch.close(ch.read(frame.NewReader(ch.conn)))
	for _, b := range ch.orphans {
		if b.served.CompareAndSwap(false, true) { // no handler knows of it
			ch.release(b.in)
		}
	}
}

// rouse wakes the writer; ch.mu is held.
func (ch *channel) rouse() {
	switch {
	case ch.away && ch.err == nil: // the reader still counts as a task, so another may begin
		ch.away = false
		ch.mesh.tasks.Go(ch.write)
	case ch.idle:
		ch.idle = false
		ch.wake.Signal()
	}
}

// control queues a frame without contents, or with few; ch.mu is held.
func (ch *channel) control(h frame.Header, contents []byte) {
	ch.out = frame.Append(ch.out, &h, contents, nil)
	ch.outN++
	ch.rouse()
}

// end releases a stream; ch.mu is held.
func (ch *channel) end(id uint32) {
	ch.streams.release(id)
	ch.load.Store(int32(ch.streams.used))
}

// drop stops the sending of a message and returns what is to be called, once
// ch.mu is not held, because nobody uses its memory any more. It is nil when
// the writer still does: the writer will call it then. ch.mu is held.
func (ch *channel) drop(o *outgoing) func() {
	if o == nil {
		return nil
	}
	ch.written(o)
	if o.busy > 0 {
		return nil
	}
	after := o.after
	o.after = nil
	return after
}

// written counts a message out that is sent, or never will be; ch.mu is held.
func (ch *channel) written(o *outgoing) {
	if !o.dead {
		o.dead = true
		ch.heavy.Add(-o.size)
	}
}

// letGo calls f as soon as the writer no longer uses the body of q: mostly at
// once. ch.mu is not held.
func (ch *channel) letGo(q *Request, f func()) {
	ch.mu.Lock()
	if q.channel.Load() == ch && q.out != nil {
		o := q.out
		if first := o.after; first != nil { // it is being waited for already
			next := f
			f = func() {
				first()
				next()
			}
		}
		o.after = f
		f = ch.drop(o)
	}
	ch.mu.Unlock()
	if f != nil {
		f()
	}
}

// finish ends a request of ours with its reply or an error, unless it has left
// this channel.
func (ch *channel) finish(q *Request, r *Reply, err error) {
	if q.copied { // the writer never saw its body
		if q.channel.CompareAndSwap(ch, nil) {
			q.complete(r, err)
		}
		return
	}
	ch.letGo(q, func() {
		if q.channel.CompareAndSwap(ch, nil) {
			q.complete(r, err)
		}
	})
}

// orphan hands a request whose channel was lost to the link, for another.
func (ch *channel) orphan(q *Request, why error) {
	ch.letGo(q, func() {
		ch.mu.Lock() // whoever has found it here under mu finds its fields as they are here
		mine := q.channel.CompareAndSwap(ch, nil)
		ch.mu.Unlock()
		if mine {
			ch.link.orphaned(q, ch, why)
		}
	})
}

// cancel ends a request of ours whose caller has given up; the slot stays in
// use until its reply has come to an end. It reports false when the request has
// left this channel.
func (ch *channel) cancel(q *Request, err error) bool {
	ch.mu.Lock()
	if q.channel.Load() != ch {
		ch.mu.Unlock()
		return false
	}
	var b *Body
	if s := ch.streams.get(q.id); s != nil && s.req == q {
		b = s.body
		s.req, s.body, s.out = nil, nil, nil
		if q.out != nil {
			ch.written(q.out) // the writer must not begin with it now
		}
		if q.out != nil && q.out.off == 0 {
			ch.end(q.id) // the peer never heard of it
		} else {
			ch.control(frame.Header{Type: frame.Cancel, Stream: q.id}, nil)
		}
	}
	ch.mu.Unlock()
	if b != nil {
		b.discard()
	}
	ch.letGo(q, func() { q.done(nil, err) })
	return true
}

// abandon stops the stream of a body that nobody wants to read on.
func (ch *channel) abandon(b *Body) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	s := ch.streams.get(b.id)
	if s == nil || s.body != b {
		return
	}
	s.body = nil
	if ch.link != nil && ch.err == nil {
		ch.control(frame.Header{Type: frame.Cancel, Stream: b.id}, nil)
	}
}

// consumed returns credit for n bytes that were received, of a stream when b
// is not nil, and grants it once it is worth a frame.
func (ch *channel) consumed(b *Body, n int) {
	if n == 0 {
		return
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.err != nil {
		return
	}
	enough := int64(ch.ours) / 2
	if ch.owed += int64(n); ch.owed >= enough {
		ch.control(frame.Header{Type: frame.Credit, Body: uint32(ch.owed)}, nil)
		ch.credit += ch.owed
		ch.owed = 0
	}
	if b == nil {
		return
	}
	b.owed += int64(n)
	s := ch.streams.get(b.id)
	if s == nil || s.body != b || s.left <= s.credit || b.owed < enough {
		return
	}
	ch.control(frame.Header{Type: frame.Credit, Stream: b.id, Body: uint32(b.owed)}, nil)
	s.credit += b.owed
	b.owed = 0
}

// close ends the channel, once. Requests of ours go back to the link, which
// hears of the loss first, unless part of the reply was handed out already.
func (ch *channel) close(why error) {
	ch.mu.Lock()
	if ch.err != nil {
		ch.mu.Unlock()
		return
	}
	ch.err = why
	var lost []*Request
	var bodies []*Body
	var after []func()
	ch.streams.each(func(s *stream) {
		if s.req != nil {
			lost = append(lost, s.req)
		}
		if s.body != nil {
			bodies = append(bodies, s.body)
			if s.in != nil {
				ch.orphans = append(ch.orphans, s.body)
			}
		}
		if s.in != nil {
			s.in.canceled.Store(true)
			if f := s.in.hangUp.Load(); f != nil {
				after = append(after, *f)
			}
		}
		if ch.link == nil { // what we send to a peer of ours ends with its request
			after = append(after, ch.drop(s.out))
		}
	})
	ch.streams = table{}
	ch.load.Store(0)
	queued := ch.unwritten
	ch.unwritten = unwritten{}
	ch.rouse()
	ch.flows.Broadcast()
	close(ch.closed)
	ch.mu.Unlock()
	ch.unread(queued)

	ch.hangUp()
	if ch.link != nil {
		ch.link.lost(ch, why)
	} else {
		ch.mesh.forget(ch, why)
	}
	away := &foci.Error{
		Kind: foci.Unreachable, Where: "node " + ch.peer.Node.Short(), Msg: "the channel was lost", Err: why,
	}
	for _, b := range bodies {
		b.fail(away)
	}
	for _, q := range lost {
		ch.orphan(q, why)
	}
	for _, f := range after {
		if f != nil {
			f()
		}
	}
}

// hangUp closes the connection without a word. TLS would say goodbye, and wait
// for seconds for a peer that takes nothing, while whoever closes waits too.
func (ch *channel) hangUp() {
	if c, ok := ch.conn.(*tls.Conn); ok {
		_ = c.NetConn().Close() // what was lost is known to the caller
	}
	_ = ch.conn.Close() // likewise
}

func (ch *channel) isClosed() bool {
	select {
	case <-ch.closed:
		return true
	default:
		return false
	}
}
