package mesh

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// A channel that has this much under way is busy: the next of its class is
// opened and used beside it. Below that, little load stays on few channels,
// where its small writes coalesce.
const (
	busyRequests = 64
	busyBytes    = 256 << 10
)

// Peer is a node to have a link to.
type Peer struct {
	Node  foci.NodeID
	Addrs []Addr // tried in turn
	// Eager opens ping and state at once and keeps them open, as members do;
	// otherwise a channel is opened when it is first used.
	Eager bool
}

// Link is all channels from this process to one peer.
type Link struct {
	mesh  *Mesh
	node  foci.NodeID
	flow  budget
	rtt   atomic.Int64
	open  [foci.NumClasses]atomic.Pointer[[]*channel] // by index, those that take requests
	kick  chan struct{}                               // there is something for keep to do
	ended chan struct{}

	mu       sync.Mutex
	addrs    []Addr
	eager    bool
	addrAt   int // of the address to try next
	slots    [foci.NumClasses][]slot
	waiting  [foci.NumClasses][]*Request
	peer     Identity // as last welcomed
	channels int      // open
	failures int      // of dialling, in a row
	retryAt  time.Time
	lastErr  error // why the last channel was lost, or not opened
	lastAt   time.Time
	ups      uint64 // how often it came up
	told     uint64 // the last of these that OnPeer knows of
	toldUp   bool
	removed  bool
}

// slot is the place of one channel.
type slot struct {
	ch      *channel
	wanted  bool
	dialing bool
}

func newLink(m *Mesh, p Peer) *Link {
	l := &Link{
		mesh: m, node: p.Node, addrs: p.Addrs, eager: p.Eager,
		kick: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	l.flow.maxCount, l.flow.maxBytes = m.cfg.Limits.LinkRequests, m.cfg.Limits.LinkBytes
	for c := range l.slots {
		l.slots[c] = make([]slot, m.cfg.Channels[c])
	}
	return l
}

// Node is the peer's id.
func (l *Link) Node() foci.NodeID { return l.node }

// Peer is what the peer said of itself when it last welcomed us.
func (l *Link) Peer() Identity {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.peer
}

// Up reports whether a channel to the peer is open.
func (l *Link) Up() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.channels > 0
}

// RTT is the smoothed time that pings take; 0 when none was answered yet.
func (l *Link) RTT() time.Duration { return time.Duration(l.rtt.Load()) }

// Send queues a request, or refuses it at once and without calling Done: Busy
// when a limit is reached, Away when there is no channel and the last attempt
// to open one failed, Closed when the link was removed, TooLarge or Invalid.
// With a channel yet to be opened it waits for that.
func (l *Link) Send(q *Request) error {
	size := int64(len(q.Head)) + int64(len(q.Body))
	if q.Source != nil {
		size += q.Source.Size()
	}
	switch body := size - int64(len(q.Head)); {
	case q.Class >= foci.NumClasses || q.Done == nil && q.answer == nil || q.Source != nil && len(q.Body) > 0:
		return foci.Errorf(foci.Invalid, "request without a class or Done, or with two bodies")
	case len(q.Head) > wire.MaxHead || body > wire.MaxBody || body < 0:
		return foci.Errorf(foci.TooLarge, "request with %d bytes of head and %d of body: at most %d and %d", len(q.Head), body, wire.MaxHead, wire.MaxBody)
	}
	if q.finished.Load() {
		return nil
	}
	if !l.flow.take(size) {
		return q.refused(busy("too many requests in flight to node " + l.node.Short()))
	}
	if !l.mesh.out.take(size) {
		l.flow.give(size)
		return q.refused(busy("too many requests in flight in this process"))
	}
	q.size, q.copied = size, q.Source == nil && size <= copyMax
	q.link.Store(l)
	err := l.dispatch(q)
	if err != nil {
		err = q.refused(err)
	}
	if err != nil || q.finished.Load() {
		q.uncount()
	}
	return err
}

// dispatch puts a request on a channel, or where it waits for one.
func (l *Link) dispatch(q *Request) error {
	for {
		if ch := l.pick(q.Class); ch != nil {
			if err := ch.send(q); err != errGone {
				return err
			}
		}
		l.mu.Lock()
		if l.removed {
			l.mu.Unlock()
			return foci.Errorf(foci.Closed, "the link to node %s is closed", l.node.Short())
		}
		if list := l.open[q.Class].Load(); list != nil && len(*list) > 0 {
			if l.prune(q.Class) { // one that died a moment ago
				l.mu.Unlock()
				continue
			}
		}
		l.slots[q.Class][0].wanted = true
		var err error
		if l.failures > 0 && (l.channels == 0 || l.retryAt.After(time.Now())) {
			err = l.away()
		} else {
			l.waiting[q.Class] = append(l.waiting[q.Class], q)
		}
		l.mu.Unlock()
		l.hurry()
		return err
	}
}

// away is the error of a link that is down; l.mu is held.
func (l *Link) away() error {
	return &foci.Error{
		Kind: foci.Away, Where: "node " + l.node.Short(), Msg: "no channel", Err: l.lastErr,
		RetryAfter: max(0, time.Until(l.retryAt)),
	}
}

// pick is the channel for the next request: the first that is not busy, else
// the one with the least in flight. When all are busy another is opened.
func (l *Link) pick(class foci.Class) *channel {
	list := l.open[class].Load()
	if list == nil || len(*list) == 0 {
		return nil
	}
	var best *channel
	for _, ch := range *list {
		n, b := ch.load.Load(), ch.heavy.Load()
		if n < busyRequests && b < busyBytes {
			return ch
		}
		if best == nil || cost(n, b) < cost(best.load.Load(), best.heavy.Load()) {
			best = ch
		}
	}
	if len(*list) < l.mesh.cfg.Channels[class] {
		l.widen(class)
	}
	return best
}

func cost(requests int32, bytes int64) int64 { return int64(requests)<<12 + bytes }

// widen asks for one more channel of a class, unless one is on its way.
func (l *Link) widen(class foci.Class) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.slots[class] {
		switch s := &l.slots[class][i]; {
		case s.dialing || s.wanted && s.ch == nil:
			return
		case s.ch == nil:
			s.wanted = true
			l.hurry()
			return
		}
	}
}

// hurry wakes keep.
func (l *Link) hurry() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// publish makes the open channels of a class known to pick; l.mu is held.
func (l *Link) publish(class foci.Class) {
	var list []*channel
	for i := range l.slots[class] {
		if ch := l.slots[class][i].ch; ch != nil && ch.usable() {
			list = append(list, ch)
		}
	}
	l.open[class].Store(&list)
}

// prune drops channels that have closed from the list, and reports whether any
// is left; l.mu is held.
func (l *Link) prune(class foci.Class) bool {
	l.publish(class)
	return len(*l.open[class].Load()) > 0
}

func (ch *channel) usable() bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.err == nil && !ch.drain
}
