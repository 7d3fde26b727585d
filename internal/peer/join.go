package peer

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
)

// join is how a process finds the others: it contacts its seeds (seek.go), asks
// whom it meets for all that they know (meet.go), tells what it learns (tell.go)
// and has the mesh dial everybody.
type join struct {
	*Peer
	changed chan struct{} // closed and made anew when something was learnt

	mu      sync.Mutex
	routes  *route.Routes
	spread  route.Spread
	tables  []foci.Table // that we use; empty until the first welcome
	seeds   []*seed
	reached bool          // a seed has answered
	unasked []foci.NodeID // whom we met and have not asked yet
	askers  int           // that ask them
	waiting []layoutWaiter
	asking  bool                      // for a newer layout
	since   map[foci.NodeID]time.Time // how long nodes have been away
	unkept  bool                      // who is known has changed since it was put on the disk

	prover prover        // nil: routes have no proofs
	hints  chan struct{} // a token for each hint that is followed

	fetching sync.Mutex    // of layouts
	keeping  sync.Mutex    // of who is known
	telling  chan struct{} // there is something to tell
}

func (j *join) init(p *Peer, r *route.Routes) {
	j.Peer, j.routes = p, r
	j.changed = make(chan struct{})
	j.telling = make(chan struct{}, 1)
	j.hints = make(chan struct{}, maxHints)
	j.prove()
	j.since = make(map[foci.NodeID]time.Time)
	j.tables = slices.Clone(p.cfg.Tables)
	if len(j.tables) == 0 && p.member() {
		j.tables = r.Tables(p.cfg.Mesh.Node)
	}
}

// member reports whether this process is in the others' tables.
func (p *Peer) member() bool { return !p.cfg.Mesh.Node.IsZero() }

// start begins to look for the others.
func (j *join) start() {
	j.connectAll()
	j.seekAll()
	j.tasks.Go(j.exchange)
	if j.member() {
		j.tasks.Go(j.tell)
	} else {
		j.tasks.Go(j.watch)
	}
}

// adoptTable makes the table by which a transport client came in its table.
func (j *join) adoptTable(who mesh.Identity) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.tables) == 0 {
		j.tables = []foci.Table{who.Table}
	}
}

// met takes note of a peer whose link came up.
func (j *join) met(who mesh.Identity) {
	j.adoptTable(who)
	if j.member() {
		j.mu.Lock()
		j.spread.PeerUp(who.Node)
		j.mu.Unlock()
		j.hurry()
	}
	if j.member() || j.ignorant() {
		j.meet(who.Node)
	}
	j.learnt()
}

// ignorant reports whether this process knows no route or no layout yet. A
// transport client that knows them hears of changes by its watch, and asks
// those whom it meets later for nothing.
func (j *join) ignorant() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.routes.Len() == 0 || j.cfg.Layout.Epoch() == 0
}

// lost takes note of a peer whose link went down.
func (j *join) lost(id foci.NodeID) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.spread.PeerDown(id)
}

// Routes is all that this process knows, to be told to others.
func (p *Peer) Routes() wire.Routes {
	p.join.mu.Lock()
	defer p.join.mu.Unlock()
	return wire.Routes{Epoch: p.cfg.Layout.Epoch(), Routes: wire.FitRoutes(p.join.routes.Entries())}
}

// Learn takes in routes that a node has told; where routes have proofs, those
// that are proved.
func (p *Peer) Learn(from foci.NodeID, entries []wire.Route) {
	p.join.learn(&mesh.Identity{Node: from, Protocol: wire.MaxProtocol}, entries)
}

// learn takes in routes that a peer has told on a channel.
func (j *join) learn(who *mesh.Identity, entries []wire.Route) {
	if entries = j.proved(who, entries); len(entries) == 0 {
		return
	}
	p, from := j.Peer, who.Node
	j.mu.Lock()
	before := make(map[foci.NodeID]foci.Incarnation, len(entries))
	for i := range entries {
		if e, ok := j.routes.Entry(entries[i].Node); ok {
			before[e.Node] = e.Incarnation
		}
	}
	c := j.routes.Merge(from, entries, j.cfg.Mesh.Now())
	tell := p.member() && j.spread.Learned(from, &c)
	j.unkept = j.unkept || len(c.Nodes) > 0
	var restarted []foci.NodeID
	for _, id := range c.Nodes {
		delete(j.since, id)
		if e, _ := j.routes.Entry(id); before[id] != e.Incarnation {
			restarted = append(restarted, id)
		}
	}
	j.mu.Unlock()
	if c.Impostor != "" {
		p.log.Warn("somebody speaks in this node's name", "what", c.Impostor)
	}
	for _, err := range c.Refused {
		p.log.Warn("route refused", "err", err)
	}
	if tell {
		j.hurry()
	}
	if len(c.Nodes) == 0 && !c.Self {
		return
	}
	p.watchers.changed()
	rand.Shuffle(len(c.Nodes), func(a, b int) { c.Nodes[a], c.Nodes[b] = c.Nodes[b], c.Nodes[a] })
	for _, id := range c.Nodes {
		j.reconnect(id)
	}
	for _, id := range restarted {
		j.retry(id)
	}
	j.learnt()
	p.rerouted()
}

// retry lets a link that waits for its next attempt make it now, and those who
// wait for a forwarder ask again.
func (j *join) retry(id foci.NodeID) {
	if l := j.links.get(id); l != nil && !l.Up() {
		l.Retry()
	}
	if j.ways.back(id) {
		j.rerouted()
	}
}

// rerouted lets legs that have no way look for one again.
func (p *Peer) rerouted() {
	p.ways.changed()
	p.step(func(out []txn.Effect, now time.Duration) []txn.Effect { return p.txns.RouteChanged(out, now) })
}

// KnownRoute is what is known of a node, and who told it; zero for what the
// layout says, and for a process's own entry.
type KnownRoute struct {
	wire.Route
	From foci.NodeID
}

// Known is what this process knows of the nodes' addresses; those of nodes that
// have not told theirs are the layout's.
func (p *Peer) Known() []KnownRoute {
	p.join.mu.Lock()
	var known []KnownRoute
	for _, r := range p.join.routes.Present() {
		known = append(known, KnownRoute{r, p.join.routes.ToldBy(r.Node)})
	}
	p.join.mu.Unlock()
	l := p.Layout()
	if l == nil {
		return known
	}
	for i := range l.Nodes {
		n := &l.Nodes[i]
		if slices.ContainsFunc(known, func(r KnownRoute) bool { return r.Node == n.ID }) {
			continue
		}
		r := KnownRoute{Route: wire.Route{Node: n.ID, Role: foci.RoleData}}
		for _, a := range n.Addrs {
			r.Addrs = append(r.Addrs, a.String())
		}
		known = append(known, r)
	}
	return known
}

// At is the address, host:port, by which a link to a node is up; "" when none is.
func (p *Peer) At(id foci.NodeID) string {
	if l := p.links.get(id); l != nil && l.Up() {
		return l.Peer().Addr
	}
	return ""
}

// MayLink reports whether this process keeps a link to a node when it can: a
// client that stays with the nodes it was given has links to these alone.
func (p *Peer) MayLink(id foci.NodeID) bool {
	return !p.cfg.Stay || p.links.get(id) != nil
}

// connectAll has the mesh keep a link to every node that is known, in a random
// order: else all newcomers would begin with the same one.
func (j *join) connectAll() {
	var ids []foci.NodeID
	if l := j.cfg.Layout.Load(); l != nil {
		for i := range l.Nodes {
			ids = append(ids, l.Nodes[i].ID)
		}
	}
	j.mu.Lock()
	for _, e := range j.routes.Present() {
		if l := j.cfg.Layout.Load(); l == nil || l.Node(e.Node) == nil {
			ids = append(ids, e.Node)
		}
	}
	j.mu.Unlock()
	rand.Shuffle(len(ids), func(a, b int) { ids[a], ids[b] = ids[b], ids[a] })
	for _, id := range ids {
		j.reconnect(id)
	}
	j.learnt()
}

// reconnect has the mesh keep a link to a node at the addresses that are known
// now, or none when it has left.
func (j *join) reconnect(id foci.NodeID) {
	if id == j.cfg.Mesh.Node {
		return
	}
	var inLayout *layout.Node
	if l := j.cfg.Layout.Load(); l != nil {
		inLayout = l.Node(id)
	}
	j.mu.Lock()
	e, told := j.routes.Entry(id)
	j.mu.Unlock()
	switch {
	case inLayout == nil && told && len(e.Addrs) == 0:
		j.hangUp(id)
		return
	case inLayout == nil && !j.member() && e.Role != foci.RoleData:
		return // it owns nothing that a transport client could want
	case j.cfg.Stay && j.links.get(id) == nil:
		return
	}
	if inLayout == nil {
		inLayout = &layout.Node{ID: id}
	}
	if addrs := j.reach(inLayout); len(addrs) > 0 {
		j.connect(id, addrs)
	}
}

// hangUp ends the link to a node that is no member any more.
func (j *join) hangUp(id foci.NodeID) {
	if j.links.get(id) != nil {
		j.links.remove(id)
		j.mesh.RemovePeer(id)
	}
}

// reach lists a node's addresses in our tables: those that it has told, else
// those of the layout.
func (j *join) reach(n *layout.Node) []mesh.Addr {
	j.mu.Lock()
	defer j.mu.Unlock()
	known, err := j.routes.Reach(n.ID, j.tables)
	if err != nil {
		for _, t := range j.tables {
			for _, a := range n.Addrs {
				if a.Table == t {
					known = append(known, a)
				}
			}
		}
	}
	out := make([]mesh.Addr, 0, len(known))
	for _, a := range known {
		out = append(out, mesh.Addr{HostPort: a.HostPort(), Table: a.Table, Network: a.Family.Network()})
	}
	return out
}

// connect has the mesh keep a link.
func (j *join) connect(id foci.NodeID, addrs []mesh.Addr) {
	l, err := j.mesh.AddPeer(mesh.Peer{Node: id, Addrs: addrs, Eager: true})
	if err != nil {
		j.log.Warn("no link", "peer", id, "err", err)
		return
	}
	if j.links.get(id) != l {
		j.links.add(l)
	}
}

// learnt wakes those who wait for something to be known.
func (j *join) learnt() {
	j.mu.Lock()
	defer j.mu.Unlock()
	close(j.changed)
	j.changed = make(chan struct{})
}
