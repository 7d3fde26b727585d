package membership

import (
	"slices"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/lockorder"
)

// view is the state of the other members, as this process knows it. Only its methods,
// which stand where they are used, take mu.
type view struct {
	mu lockorder.Mutex[lockorder.Members]

	// Guarded by mu.
	routes  *route.Routes
	spread  route.Spread
	tables  []foci.Table // that this process uses, the best first; empty until the first welcome
	seeds   route.Seeds
	absent  route.Absences
	unsaved bool          // the nodes that are present have changed since they were remembered
	changed chan struct{} // closed and replaced at each change
}

func (v *view) init(routes *route.Routes, tables []foci.Table) {
	v.routes, v.tables, v.changed = routes, tables, make(chan struct{})
}

// notify wakes the goroutines that wait for something to change.
func (v *view) notify() {
	v.mu.Lock()
	defer v.mu.Unlock()
	close(v.changed)
	v.changed = make(chan struct{})
}

// change is closed when something changes.
func (v *view) change() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.changed
}

// enter makes the table of a link the only table in use, if none is.
func (v *view) enter(t foci.Table) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.tables) == 0 {
		v.tables = []foci.Table{t}
	}
}

// uses reports whether a table is among ours.
func (v *view) uses(t foci.Table) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Contains(v.tables, t)
}

// ownTables are the tables that this process uses, the best first.
func (v *view) ownTables() []foci.Table {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.tables)
}

// tablesOf are the tables of the addresses that a node has told.
func (v *view) tablesOf(id foci.NodeID) []foci.Table {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.routes.Tables(id)
}

func (v *view) peerUp(id foci.NodeID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.spread.PeerUp(id)
}

func (v *view) peerDown(id foci.NodeID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.spread.PeerDown(id)
}

// empty reports whether no route is known.
func (v *view) empty() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.routes.Len() == 0
}

// self is this node's own route.
func (v *view) self() wire.Route {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.routes.Self()
}

// entries are all routes that are known.
func (v *view) entries() []wire.Route {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.routes.Entries()
}

// merged is what a merge has changed.
type merged struct {
	route.Changes
	restarted []foci.NodeID // of Nodes, those that have another incarnation than before
	tell      bool          // there is something to gossip
}

// merge merges entries that a node has sent; now is the wall clock.
func (v *view) merge(from foci.NodeID, entries []wire.Route, now int64, member bool) (m merged) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := make(map[foci.NodeID]foci.Incarnation, len(entries))
	for i := range entries {
		if e, ok := v.routes.Entry(entries[i].Node); ok {
			before[e.Node] = e.Incarnation
		}
	}
	m.Changes = v.routes.Merge(from, entries, now)
	m.tell = member && v.spread.Learned(from, &m.Changes)
	v.unsaved = v.unsaved || len(m.Nodes) > 0
	for _, id := range m.Nodes {
		v.absent.Forget(id)
		if e, _ := v.routes.Entry(id); before[id] != e.Incarnation {
			m.restarted = append(m.restarted, id)
		}
	}
	return m
}
