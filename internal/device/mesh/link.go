package mesh

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/stream"
)

// A channel with this much in flight is busy: the next one of its class is opened and
// used beside it. Less load stays on few channels, where small writes coalesce.
const (
	busyRequests = 64
	busyBytes    = 256 << 10
)

// Peer is a node to have a link to.
type Peer struct {
	Node  foci.NodeID
	Addrs []route.Address // tried in turn
	// Eager opens ping and state at once and keeps them open, as members do;
	// otherwise a channel is opened when it is first used.
	Eager bool
}

// Link is all channels from this process to one peer. Its machine decides what to
// dial, close and send; the methods of keep.go carry that out.
type Link struct {
	mesh  *Mesh
	node  foci.NodeID
	quota stream.Quota
	rtt   atomic.Int64
	clock atomic.Pointer[stream.ClockReading]
	state atomic.Uint32
	moved atomic.Int64                                      // requests that were sent again
	open  [foci.NumClasses]atomic.Pointer[[]*stream.Client] // by index, those that take requests
	kick  chan struct{}                                     // the next deadline has become earlier than wakeAt
	ended chan struct{}

	mu       sync.Mutex // guards what follows
	machine  *link.Machine
	channels map[link.Conn]*stream.Client
	peer     Identity // as last welcomed
	lastAt   time.Time
	closes   map[link.Slot]ending // the last one of each slot
	wakeAt   time.Duration        // when keep looks again
	events   []PeerEvent          // not yet reported to OnPeer
	removed  bool
}

func newLink(m *Mesh, p Peer) *Link {
	l := &Link{
		mesh: m, node: p.Node, kick: make(chan struct{}, 1), ended: make(chan struct{}),
		channels: map[link.Conn]*stream.Client{}, closes: map[link.Slot]ending{}, wakeAt: math.MaxInt64,
	}
	var queues [foci.NumClasses]int64
	for c := range queues {
		queues[c] = m.cfg.Classes[c].QueueBytes
	}
	l.quota.Init(p.Node, &m.sent, m.cfg.Limits.LinkRequests, m.cfg.Limits.LinkBytes, queues)
	t := &m.cfg.Timing
	lc := link.Config{
		Node: p.Node, Channels: m.cfg.Channels, Linked: m.cfg.Links == Linked, Eager: m.cfg.Eager, Rand: rand.Float64,
		Waiting: int(m.cfg.Limits.LinkRequests),
		Timing:  link.Timing{BackoffMin: t.BackoffMin, BackoffMax: t.BackoffMax, Quiet: t.PingMisses * beatsPerPing},
	}
	for c := range lc.Tables {
		lc.Tables[c] = m.cfg.Classes[c].Tables
	}
	l.machine = link.New(lc)
	return l
}

// Node is the peer's id.
func (l *Link) Node() foci.NodeID { return l.node }

// Peer is the identity of the peer as of its last welcome.
func (l *Link) Peer() Identity {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.peer
}

// LastErr returns why the last channel to the peer was lost or could not be opened;
// nil if neither has happened.
func (l *Link) LastErr() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.machine.LastErr()
}

// State is the state of the peer.
func (l *Link) State() PeerState { return PeerState(l.state.Load()) }

// Up reports whether a channel to the peer is open.
func (l *Link) Up() bool { return l.State() == link.Up }

// Load is the bytes in flight to the peer; a request counts for at least 4 KiB.
func (l *Link) Load() int64 {
	n, bytes := l.quota.Flow()
	return cost(int32(min(n, 1<<30)), bytes)
}

// RTT is the smoothed round-trip time of pings; 0 before the first answer.
func (l *Link) RTT() time.Duration { return time.Duration(l.rtt.Load()) }

// Send queues a request, or refuses it at once and without calling Done: Busy
// when a limit is reached, Unreachable when there is no channel and the last attempt
// to open one failed, Closed when the link was removed, TooLarge or Invalid.
// While a channel is being opened the request waits for it.
func (l *Link) Send(q *Request) error {
	compressed := q.Class < foci.NumClasses && l.mesh.cfg.Classes[q.Class].Compress != NotCompressed
	if ok, err := q.Begin(&l.quota, compressed); !ok {
		return err
	}
	return q.Begun(l.dispatch(q))
}

// Call sends a request and waits for its reply; see [stream.Call].
func (l *Link) Call(ctx context.Context, class foci.Class, method wire.Method, head, body []byte) (*Reply, error) {
	return stream.Call(ctx, l, class, method, head, body)
}

// dispatch puts a request on a channel, or where it waits for one.
func (l *Link) dispatch(q *Request) error {
	for {
		if ch := l.pick(q.Class, q.Avoid); ch != nil {
			err := ch.Send(q)
			switch {
			case err == nil:
				return nil
			case err == stream.ErrGone:
				l.markClosing(ch)
			case foci.KindOf(err) == foci.Busy && moved(q):
				return l.requeue(q) // it was accepted before
			default:
				return err
			}
		}
		if waits, err := l.submit(q); waits || err != nil {
			return err
		}
	}
}

// submit asks the machine for a channel.
func (l *Link) submit(q *Request) (waits bool, err error) {
	l.mu.Lock()
	out, waits, err := l.machine.Submit(nil, l.now(), l.describe(q))
	if foci.KindOf(err) == foci.Busy { // canceled requests may fill the queue
		l.machine.Forget(func(ref any) bool { return ref.(*Request).Finished() })
		out, waits, err = l.machine.Submit(out, l.now(), l.describe(q))
	}
	l.record(out, l.peer)
	l.mu.Unlock()
	l.carryOut(out)
	return waits, err
}

// requeue makes a moved request wait if no channel has room.
func (l *Link) requeue(q *Request) error {
	l.mu.Lock()
	out, _, err := l.machine.Again(nil, l.now(), l.describe(q))
	l.record(out, l.peer)
	l.mu.Unlock()
	l.carryOut(out)
	return err
}

// describe returns a request as the machine sees it.
func (l *Link) describe(q *Request) link.Request {
	since, moves := q.Waiting()
	return link.Request{Ref: q, Class: q.Class, Fixed: q.NoReplay, Moves: moves, Since: since}
}

// moved reports whether a request was on a channel before.
func moved(q *Request) bool {
	_, moves := q.Waiting()
	return moves > 0
}

// markClosing stops the use of a channel that is closing.
func (l *Link) markClosing(ch *stream.Client) {
	l.mu.Lock()
	l.machine.Doomed(ch.ID)
	l.publish()
	l.mu.Unlock()
}

// pick returns the channel for the next request: the first one that is not busy, else
// the one with the least in flight. When all are busy it opens another. It returns the
// channel to avoid only if there is no other, and then opens another, too.
func (l *Link) pick(class foci.Class, avoid link.Conn) *stream.Client {
	list := l.open[class].Load()
	if list == nil || len(*list) == 0 {
		return nil
	}
	var best *stream.Client
	for _, ch := range *list {
		if ch.ID == avoid && !mutant.On(mutant.StalledChannel) {
			continue
		}
		n, b := ch.Load()
		if n < busyRequests && b < busyBytes {
			return ch
		}
		if best == nil || cost(n, b) < cost(best.Load()) {
			best = ch
		}
	}
	if len(*list) < l.mesh.cfg.Channels[class] {
		l.widen(class)
	}
	if best == nil {
		return (*list)[0]
	}
	return best
}

func cost(requests int32, bytes int64) int64 { return int64(requests)<<12 + bytes }

// widen opens one more channel of a class, unless one is being opened.
func (l *Link) widen(class foci.Class) {
	l.step(func(out []link.Effect, now time.Duration) []link.Effect { return l.machine.Widen(out, now, class) })
}

// ClockOffset is the offset of the peer's clock from this process's, measured by the
// last pong. It is unknown for a peer that is unreachable or speaks protocol 1.
func (l *Link) ClockOffset() (o version.Offset, known bool) {
	c := l.clock.Load()
	t := &l.mesh.cfg.Timing
	if c == nil || !l.Up() || time.Since(c.At) > t.PingEvery*time.Duration(t.PingMisses+1) {
		return o, false
	}
	return c.Offset, true
}
