package peer

import (
	"context"
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

const (
	callTimeout   = 5 * time.Second  // for a question about routes or layout
	exchangeEvery = 10 * time.Second // with one random peer
	seekMin       = 100 * time.Millisecond
	seekMax       = 10 * time.Second // between attempts to reach a seed
	maxMet        = 1024             // links that came up and were not asked yet; the exchange finds the rest
)

// join is how a process finds the others: it contacts its seeds, asks whom it
// meets for all that they know, and has the mesh dial everybody.
type join struct {
	*Peer
	meetings chan foci.NodeID
	changed  chan struct{} // closed and made anew when something was learnt

	mu      sync.Mutex
	routes  *route.Routes
	tables  []foci.Table // that we use; empty until the first welcome
	seeds   []seed
	reached bool // a seed has answered
	waiting []layoutWaiter
	asking  bool // for a newer layout
}

// seed is a peer to contact first, and why the last attempt failed.
type seed struct {
	remote route.Remote
	err    error
}

func (j *join) init(p *Peer, r *route.Routes) {
	j.Peer, j.routes = p, r
	j.meetings = make(chan foci.NodeID, maxMet)
	j.changed = make(chan struct{})
	j.tables = slices.Clone(p.cfg.Tables)
	if len(j.tables) == 0 && !p.cfg.Mesh.Node.IsZero() {
		j.tables = r.Tables(p.cfg.Mesh.Node)
	}
}

// start begins to look for the others.
func (j *join) start() {
	j.connectAll()
	j.seeds = make([]seed, len(j.cfg.Seeds))
	for i, r := range j.cfg.Seeds {
		j.seeds[i].remote = r
	}
	for i := range j.seeds {
		j.tasks.Go(func() { j.seek(&j.seeds[i]) })
	}
	j.tasks.Go(j.exchange)
}

// seek contacts a seed until it has answered once; from then on the link to
// the node that it is keeps itself up.
func (j *join) seek(s *seed) {
	for wait := seekMin; ; wait = min(2*wait, seekMax) {
		l, err := j.mesh.Dial(j.ctx, mesh.Addr{HostPort: s.remote.HostPort(), Network: s.remote.Family.Network()}, true)
		j.mu.Lock()
		s.err = err
		j.reached = j.reached || err == nil
		j.mu.Unlock()
		j.learnt()
		if err == nil {
			j.links.add(l)
			j.met(l.Peer())
			return
		}
		j.log.Info("seed cannot be reached", "seed", s.remote, "err", err, "again", wait)
		select {
		case <-j.ctx.Done():
			return
		case <-time.After(wait/2 + rand.N(wait)):
		}
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

// met notes a peer to be asked what it knows.
func (j *join) met(who mesh.Identity) {
	j.adoptTable(who)
	select {
	case j.meetings <- who.Node:
	default: // the periodic exchange will do
	}
	j.learnt()
}

// exchange asks peers for what they know: those whose link comes up, and from
// time to time a random one.
func (j *join) exchange() {
	tick := time.NewTicker(exchangeEvery)
	defer tick.Stop()
	for {
		var with foci.NodeID
		select {
		case <-j.ctx.Done():
			return
		case with = <-j.meetings:
		case <-tick.C:
			with = j.anybody()
		}
		if err := j.ask(with); err != nil && j.ctx.Err() == nil {
			j.log.Debug("exchange failed", "peer", with, "err", err)
		}
	}
}

// anybody is a random peer that is up; zero when there is none.
func (j *join) anybody() foci.NodeID {
	var up []foci.NodeID
	for id, l := range *j.links.all.Load() {
		if l.Link != nil && l.Up() {
			up = append(up, id)
		}
	}
	if len(up) == 0 {
		return foci.NodeID{}
	}
	return up[rand.IntN(len(up))]
}

// ask exchanges routes with a peer and fetches its layout if it is newer.
func (j *join) ask(id foci.NodeID) error {
	l := j.links.get(id)
	if l == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(j.ctx, callTimeout)
	defer cancel()
	mine := j.Routes()
	r, err := l.Call(ctx, foci.State, wire.MethodRoutes, mine.Append(nil), nil)
	if err != nil {
		return err
	}
	var theirs wire.Routes
	if err := wire.Unmarshal(r.Head, &theirs); err != nil {
		return err
	}
	j.Learn(theirs.Routes)
	if theirs.Epoch > j.cfg.Layout.Epoch() {
		return j.fetchLayout(ctx, l)
	}
	return nil
}

// Routes is all that this process knows, to be told to others.
func (p *Peer) Routes() wire.Routes {
	p.join.mu.Lock()
	defer p.join.mu.Unlock()
	return wire.Routes{Epoch: p.cfg.Layout.Epoch(), Routes: p.join.routes.Entries()}
}

// Learn takes in routes that a peer has told.
func (p *Peer) Learn(entries []wire.Route) {
	j := &p.join
	j.mu.Lock()
	c := j.routes.Merge(entries)
	j.mu.Unlock()
	if c.Impostor != "" {
		p.log.Warn("somebody speaks in this node's name", "what", c.Impostor)
	}
	for _, err := range c.Refused {
		p.log.Warn("route refused", "err", err)
	}
	if len(c.Nodes) > 0 {
		j.connectAll()
		p.rerouted()
	}
}

// rerouted lets legs that have no way look for one again.
func (p *Peer) rerouted() {
	p.step(func(out []txn.Effect, now time.Duration) []txn.Effect { return p.txns.RouteChanged(out, now) })
}

// Known is what this process knows of the nodes' addresses; those of nodes that
// have not told theirs are the layout's.
func (p *Peer) Known() []wire.Route {
	known := p.Routes().Routes
	l := p.Layout()
	if l == nil {
		return known
	}
	for i := range l.Nodes {
		n := &l.Nodes[i]
		if slices.ContainsFunc(known, func(r wire.Route) bool { return r.Node == n.ID }) {
			continue
		}
		r := wire.Route{Node: n.ID, Role: foci.RoleData}
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

// connectAll has the mesh keep a link to every node of the layout.
func (j *join) connectAll() {
	l := j.cfg.Layout.Load()
	if l == nil {
		return
	}
	for i := range l.Nodes {
		n := &l.Nodes[i]
		if addrs := j.reach(n); n.ID != j.cfg.Mesh.Node && len(addrs) > 0 {
			j.connect(n.ID, addrs)
		}
	}
	j.learnt()
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
	j.links.add(l)
}

// learnt wakes those who wait for something to be known.
func (j *join) learnt() {
	j.mu.Lock()
	defer j.mu.Unlock()
	close(j.changed)
	j.changed = make(chan struct{})
}
