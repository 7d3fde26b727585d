package membership

import (
	"slices"
	"sync/atomic"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
)

// KnownRoute is what is known of a node, and the node that told it; zero for what
// the layout says, and for a process's own entry.
type KnownRoute struct {
	wire.Route
	From foci.NodeID
}

// Known is what this process knows of the nodes' addresses; those of nodes that
// have not told theirs are the layout's.
func (m *Members) Known() []KnownRoute {
	known := m.view.known()
	l := m.Layout()
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

// Routes is all that this process knows, to be told to others.
func (m *Members) Routes() wire.Routes {
	return wire.Routes{Epoch: m.epoch(), Routes: wire.FitRoutes(m.view.entries())}
}

// Self is this member's own entry, as it is told to others.
func (m *Members) Self() wire.Route { return m.view.self() }

// Tables are the tables in which a node has addresses: those that it has told,
// else those of the layout.
func (m *Members) Tables(id foci.NodeID) []foci.Table {
	if told := m.view.tablesOf(id); len(told) > 0 {
		return told
	}
	return route.TablesOf(placed(m.Layout(), id).Addrs)
}

// OwnTables are the tables that this process uses, the best first.
func (m *Members) OwnTables() []foci.Table { return m.view.ownTables() }

// At is the address, host:port, by which a link to a node is up; "" when none is.
func (e *env) At(id foci.NodeID) string {
	if l := e.mesh.Peer(id); l != nil && l.Up() {
		return l.Peer().Addr
	}
	return ""
}

// MayLink reports whether this process keeps a link to a node when it can: a
// client that stays with the nodes it was given has links to these alone.
func (e *env) MayLink(id foci.NodeID) bool {
	return !e.cfg.Stay || e.mesh.Peer(id) != nil
}

// RouteCounters count what a process says about routes.
type RouteCounters struct {
	Told     uint64 `json:"told"`     // messages that told others of a change
	Compared uint64 `json:"compared"` // comparisons with a peer
	Watched  uint64 `json:"watched"`  // answers to clients that watch
}

type counters struct{ told, compared, watched atomic.Uint64 }

// RouteCounters are those of this process.
func (m *Members) RouteCounters() RouteCounters {
	c := &m.counters
	return RouteCounters{Told: c.told.Load(), Compared: c.compared.Load(), Watched: c.watched.Load()}
}

// present are the nodes that neither left nor were given up.
func (v *view) present() []wire.Route {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.routes.Present()
}

// known are the present nodes with the nodes that told of them.
func (v *view) known() []KnownRoute {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []KnownRoute
	for _, r := range v.routes.Present() {
		all = append(all, KnownRoute{r, v.routes.ToldBy(r.Node)})
	}
	return all
}
