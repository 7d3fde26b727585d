package mesh

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
	"github.com/foci-store/foci/internal/device/mesh/stream"
)

// Mesh is this process's part of the mesh: its listeners, the channels that they
// have accepted, and its links to peers.
type Mesh struct {
	cfg   Config
	log   *slog.Logger
	began time.Time
	ctx   context.Context // ended by Close
	stop  context.CancelFunc
	tasks sync.WaitGroup

	sent        stream.Sent   // requests of this process in flight
	collecting  stream.Budget // bodies of replies being collected in memory
	shares      *stream.Shares
	streams     stream.Config
	dials       chan struct{}
	listeners   []net.Listener
	handshakes  *handshake.Endpoint
	refusals    atomic.Int64
	refusalTold atomic.Int64 // when a refusal was last logged, in milliseconds since began
	events      events
	conns       atomic.Uint64 // channels opened by this process, ever

	mu          sync.Mutex // guards what follows
	links       map[foci.NodeID]*Link
	inbound     map[*stream.Server]struct{}
	inboundFrom map[foci.NodeID]int // number of inbound channels by member
	closed      bool
	done        chan struct{} // Close has ended
}

// New binds the listeners and starts to serve them.
func New(cfg Config) (*Mesh, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if cfg.Dial == nil {
		cfg.Dial = dialTCP
	}
	m := &Mesh{
		cfg: cfg, log: cfg.Logger, began: time.Now(),
		dials: make(chan struct{}, cfg.Limits.Dials), done: make(chan struct{}),
		links: map[foci.NodeID]*Link{}, inbound: map[*stream.Server]struct{}{}, inboundFrom: map[foci.NodeID]int{},
	}
	m.ctx, m.stop = context.WithCancel(context.Background())
	m.handshakes = handshake.New(handshake.Config{
		Cluster: cfg.Cluster, Node: cfg.Node, Incarnation: cfg.Incarnation, Role: cfg.Role, Protocols: cfg.Protocols, Auth: cfg.Auth,
		Window: cfg.Window, Streams: uint32(cfg.Limits.ChannelRequests), Unauthenticated: cfg.Limits.Unauthenticated,
		Now: cfg.Now, Holds: m.holds,
	})
	m.events.kick = make(chan struct{}, 1)
	m.sent.Limit(cfg.Limits.Requests, cfg.Limits.Bytes)
	m.collecting.Limit(cfg.Limits.Requests, cfg.Limits.Bytes)
	m.shares = stream.NewShares(&stream.Limits{
		Conns: int64(cfg.Limits.Conns), Requests: cfg.Limits.Requests, Bytes: cfg.Limits.Bytes, ReplyBytes: cfg.Limits.ReplyBytes,
		Relays: cfg.Limits.Relays, RelayBytes: cfg.Limits.RelayBytes,
	})
	m.streams = stream.Config{
		Node: cfg.Node, Handler: cfg.Handler, Window: cfg.Window, Shares: m.shares, Collecting: &m.collecting, Now: cfg.Now,
		Go: m.tasks.Go, Closed: m.forget, QueueBytes: cfg.Limits.QueueBytes, ChannelBytes: cfg.Limits.ChannelBytes,
		WriteTimeout: cfg.Timing.Write, Progress: cfg.Timing.Progress,
	}
	if err := m.listen(); err != nil {
		m.stop()
		return nil, err
	}
	m.tasks.Go(m.reportPeers)
	m.tasks.Go(m.watch)
	if cfg.Auth.Certificates() != nil {
		m.tasks.Go(m.judge)
	}
	return m, nil
}

// Addrs are the bound addresses, in the order of Config.Listen.
func (m *Mesh) Addrs() []net.Addr {
	addrs := make([]net.Addr, len(m.listeners))
	for i, ln := range m.listeners {
		addrs[i] = ln.Addr()
	}
	return addrs
}

// Cluster is the cluster's name: the configured one, or that of the first peer
// that welcomed this process; "" until then.
func (m *Mesh) Cluster() string { return m.handshakes.Cluster() }

// Peer is the link to a node, or nil.
func (m *Mesh) Peer(node foci.NodeID) *Link {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.links[node]
}

// Peers are all links.
func (m *Mesh) Peers() []*Link {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]*Link, 0, len(m.links))
	for _, l := range m.links {
		all = append(all, l)
	}
	return all
}

// AddPeer makes a link to a node, or gives an existing one new addresses.
// Without addresses a new link waits for them.
func (m *Mesh) AddPeer(p Peer) (*Link, error) {
	if p.Node.IsZero() || p.Node == m.cfg.Node {
		return nil, foci.Errorf(foci.Invalid, "a link leads to another node, not to %v", p.Node)
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil, errClosed
	}
	l := m.links[p.Node]
	if l == nil {
		if len(m.links) >= foci.MaxNodes {
			m.mu.Unlock()
			return nil, foci.Errorf(foci.TooLarge, "links to %d nodes: a cluster has no more", foci.MaxNodes)
		}
		l = newLink(m, p)
		l.machine.Inbound(nil, l.now(), m.inboundFrom[p.Node])
		m.links[p.Node] = l
		m.tasks.Go(l.keep)
	}
	m.mu.Unlock()
	l.step(func(out []link.Effect, now time.Duration) []link.Effect {
		if len(p.Addrs) > 0 {
			out = l.machine.SetAddrs(out, now, p.Addrs)
		}
		if p.Eager {
			out = l.machine.Member(out, now)
		}
		return out
	})
	return l, nil
}

// RemovePeer ends the link to a node; its requests end with a Closed error.
func (m *Mesh) RemovePeer(node foci.NodeID) {
	m.mu.Lock()
	l := m.links[node]
	delete(m.links, node)
	m.mu.Unlock()
	if l != nil {
		l.remove(foci.Errorf(foci.Closed, "the link to node %s was removed", node.Short()))
	}
}

// Dial connects to an address and makes a link to whichever node answers there. It
// tries once.
func (m *Mesh) Dial(ctx context.Context, addr route.Address, eager bool) (*Link, error) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Timing.Handshake)
	defer cancel()
	defer context.AfterFunc(m.ctx, cancel)()
	ch, err := m.open(ctx, addr, foci.NodeID{}, foci.Ping, 0)
	if err != nil {
		return nil, err
	}
	l := m.Peer(ch.Peer.Node)
	if l == nil {
		// It becomes eager only when this channel is in its slot.
		l, err = m.AddPeer(Peer{Node: ch.Peer.Node})
		if err != nil {
			_ = ch.Conn.Close() // nothing was sent on it
			return nil, err
		}
	}
	addr.Table = ch.Peer.Table
	where := link.Slot{Class: foci.Ping}
	if err := l.adopt(ch, where, 0, addr); err == nil {
		if !m.begin(ch.Run) {
			ch.Close(errClosed)
		}
	} else if !l.Up() {
		return nil, err
	}
	p := Peer{Node: l.node, Eager: eager}
	l.mu.Lock()
	if len(l.machine.Addrs()) == 0 {
		p.Addrs = []route.Address{addr}
	}
	l.mu.Unlock()
	return m.AddPeer(p)
}

// begin starts a task, unless the mesh is closed.
func (m *Mesh) begin(task func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.tasks.Go(task)
	}
	return !m.closed
}

// remember adds an accepted channel, unless the mesh is closed.
func (m *Mesh) remember(ch *stream.Server) error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return errClosed
	}
	m.inbound[ch] = struct{}{}
	l := m.countInbound(ch.Peer.Node, 1)
	m.mu.Unlock()
	if l != nil {
		l.inbound(1)
	}
	return nil
}

// countInbound counts the channels from a member, and returns the link to it; m.mu
// is held.
func (m *Mesh) countInbound(node foci.NodeID, change int) *Link {
	if node.IsZero() {
		return nil
	}
	if m.inboundFrom[node] += change; m.inboundFrom[node] <= 0 {
		delete(m.inboundFrom, node)
	}
	return m.links[node]
}

// forget drops an accepted channel that has closed.
func (m *Mesh) forget(ch *stream.Server, why error) {
	m.mu.Lock()
	var l *Link
	if _, known := m.inbound[ch]; known {
		delete(m.inbound, ch)
		l = m.countInbound(ch.Peer.Node, -1)
	}
	m.mu.Unlock()
	if l != nil {
		l.inbound(-1)
	}
	m.log.Debug("channel left", "peer", ch.Peer.Node, "addr", ch.Peer.Addr, "class", ch.Class, "err", why)
}

var (
	errClosed   = foci.Errorf(foci.Closed, "the mesh is closed")
	errShutdown = foci.Errorf(foci.Closed, "this node is shutting down")
)

// Close takes no new requests, waits a short time for replies to those being served,
// closes every connection, and returns when no goroutine is left. A handler, Done or
// OnPeer must not call it. It never fails.
func (m *Mesh) Close() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		<-m.done
		return nil
	}
	m.closed = true
	m.mu.Unlock()
	for _, ln := range m.listeners {
		_ = ln.Close() // what it has accepted is closed below
	}
	m.handshakes.Close()
	m.drain(m.accepted())
	for _, l := range m.Peers() {
		l.remove(errClosed)
	}
	m.stop()
	m.tasks.Wait()
	close(m.done)
	return nil
}

// drain waits, for a bounded time, for the accepted channels to answer the requests
// being served.
func (m *Mesh) drain(inbound []*stream.Server) {
	for _, ch := range inbound {
		ch.GoAway()
	}
	grace := time.NewTimer(m.cfg.Timing.Grace)
	defer grace.Stop()
	over := false
	for _, ch := range inbound {
		if !over {
			select {
			case <-ch.Done():
			case <-grace.C:
				over = true
			}
		}
		ch.Close(errShutdown)
	}
}

// accepted are the accepted channels.
func (m *Mesh) accepted() []*stream.Server {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.inbound))
}

// Local serves a request by this process's own handler; see [stream.Local].
func (m *Mesh) Local(q *Request) error {
	self := Identity{Node: m.cfg.Node, Incarnation: m.cfg.Incarnation, Role: m.cfg.Role, Addr: "local", Rights: rights.Full()}
	return stream.Local(&m.streams, self, q)
}
