package membership

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
)

// Links is the set of links by which requests leave.
type Links interface {
	Add(l *mesh.Link)
	Remove(node foci.NodeID)
}

// Paths chooses by which path a request goes.
type Paths interface {
	// RoutesChanged observes that addresses or the layout have changed.
	RoutesChanged()
	// ReachableAgain observes that a node is linked to others again, or has restarted.
	ReachableAgain(node foci.NodeID)
}

// Renewal renews the certificate of this process.
type Renewal interface {
	// Authorities is the digest of the authorities that this process trusts.
	Authorities() []byte
	// Observe records the authorities that a node trusts.
	Observe(authorities []byte)
}

// Config describes a process to the other members.
type Config struct {
	Node        foci.NodeID // zero: a transport client
	Incarnation foci.Incarnation
	Role        foci.Role
	Auth        *auth.Credentials

	Addresses  []route.Address // that this node advertises
	Seeds      []route.Remote  // peers to contact first
	Remembered []route.Remote  // peers known from the last run, dialled while no link is up
	// Remember is called from time to time with the known peers, if they have changed;
	// never concurrently. It may be nil.
	Remember func([]route.Remote)
	Stay     bool         // keep links to the seeds only
	Tables   []foci.Table // to use, in this order; none: those of Addresses, or that of the first link

	Layout *layout.Holder
	// Adopted is called with each newer layout before it is used; if it fails, the
	// layout is not used. It may be nil.
	Adopted func(*layout.Snapshot) error

	Links   Links
	Paths   Paths
	Renewal Renewal

	Wall   func() int64         // nanoseconds since 1970
	Clock  func() time.Duration // since this process began
	Logger *slog.Logger
}

// Members is the view that a process has of the others, and keeps it up to date. Its
// parts share env; New passes functions of one part to another.
type Members struct {
	*env
	proofs
	dialer
	exchanger
	gossip
	layouts
	watch
	watchers
	quota
}

// New makes the membership of a process.
func New(cfg Config) (*Members, error) {
	routes, err := route.New(cfg.Node, cfg.Incarnation, cfg.Role, cfg.Addresses)
	if err != nil {
		return nil, err
	}
	e := &env{cfg: cfg, log: cfg.Logger}
	e.ctx, e.stop = context.WithCancel(context.Background())
	tables := slices.Clone(cfg.Tables)
	if len(tables) == 0 && e.isMember() {
		tables = routes.Tables(cfg.Node)
	}
	e.view.init(routes, tables)
	m := &Members{env: e}
	m.proofs = proofs{env: e, told: m.gossip.wake}
	m.dialer = dialer{env: e, hints: make(chan struct{}, maxHints), observe: m.observe}
	m.exchanger = exchanger{env: e, learn: m.learn, fetch: m.layouts.fetch}
	m.gossip = gossip{env: e, kick: make(chan struct{}, 1), tellable: m.proofs.tellable, exchange: m.exchanger.add}
	m.layouts = layouts{env: e, fetching: make(chan struct{}, 1), keepLinks: m.dialer.keepLinks, exchange: m.exchanger.add}
	m.watch = watch{env: e, learn: m.learn, fetch: m.layouts.fetch, retry: m.dialer.retry}
	m.quota.clock = cfg.Clock
	m.watchers.init(e, &m.quota)
	m.proofs.init()
	return m, nil
}

// Start begins to discover the other members over a mesh.
func (m *Members) Start(over *mesh.Mesh) {
	m.mesh = over
	m.dialer.keepLinks()
	m.dialer.dialSeeds()
	m.tasks.Go(m.upkeep)
	if m.isMember() {
		m.tasks.Go(m.gossip.run)
		m.tasks.Go(m.watchers.run)
	} else {
		m.tasks.Go(m.watch.run)
	}
}

// Stop ends the watches that wait here and begins to end all goroutines. It may
// be called twice.
func (m *Members) Stop() {
	m.watchers.close()
	m.stop()
}

// Wait waits for the goroutines to end. It is called when the mesh is closed, so
// that no event begins another one.
func (m *Members) Wait() { m.tasks.Wait() }

// LinkUp records that a link came up.
func (m *Members) LinkUp(peer mesh.Identity) {
	m.observe(peer)
	m.watchers.linkUp(peer.Node)
}

// LinkDown records that a link was lost.
func (m *Members) LinkDown(node foci.NodeID) { m.view.peerDown(node) }

// observe records a peer to which a link is up: a member gossips its own route to it and
// exchanges routes with it. A transport client that knows routes and a layout learns
// changes by its watch, and exchanges nothing.
func (m *Members) observe(peer mesh.Identity) {
	m.view.enter(peer.Table)
	if m.isMember() {
		m.view.peerUp(peer.Node)
		m.gossip.wake()
	}
	if m.isMember() || m.view.empty() || m.epoch() == 0 {
		m.exchanger.add(peer.Node)
	}
	m.view.notify()
}

// learn merges routes that a peer has sent on a channel.
func (m *Members) learn(from *mesh.Identity, entries []wire.Route) {
	if entries = m.proofs.proved(from, entries); len(entries) == 0 {
		return
	}
	c := m.view.merge(from.Node, entries, m.cfg.Wall(), m.isMember())
	if c.Impostor != "" {
		m.log.Warn("another process uses this node's id", "what", c.Impostor)
	}
	for _, err := range c.Refused {
		m.log.Warn("route refused", "err", err)
	}
	if c.tell {
		m.gossip.wake()
	}
	if len(c.Nodes) == 0 && !c.Self {
		return
	}
	m.watchers.wake()
	m.dialer.keepLinksTo(c.Nodes)
	for _, id := range c.restarted {
		m.dialer.retry(id)
	}
	m.view.notify()
	m.cfg.Paths.RoutesChanged()
}

// Learn merges routes that a node has sent; if routes need proofs, those that are
// proved.
func (m *Members) Learn(from foci.NodeID, entries []wire.Route) {
	m.learn(&mesh.Identity{Node: from, Protocol: wire.MaxProtocol}, entries)
}
