package route

import (
	"cmp"
	"slices"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
)

// Routes is the route table of one process: the entries of all known nodes, at most
// [foci.MaxNodes]. It is a machine: not safe for concurrent use.
type Routes struct {
	self  wire.Route                        // zero Node: a transport client, which no node dials
	sign  func(*wire.Route) wire.RouteProof // nil: entries have no proofs
	nodes map[foci.NodeID]*node
	sums  [wire.MaxSums]uint64 // of the entries' versions, by the first byte of the node's id
}

type node struct {
	entry wire.Route
	addrs []Address   // entry.Addrs, parsed
	from  foci.NodeID // that told it; zero: this process itself, or a peer without an id
	gone  bool        // given up, as it was out of reach for long: not dialled until there is a newer entry
}

// put replaces the entry of a node.
func (r *Routes) put(n *node) {
	r.drop(n.entry.Node)
	r.nodes[n.entry.Node] = n
	r.sums[n.entry.Node[0]] += n.entry.Version().Sum()
}

// drop removes the entry of a node.
func (r *Routes) drop(id foci.NodeID) {
	if n := r.nodes[id]; n != nil {
		delete(r.nodes, id)
		r.sums[id[0]] -= n.entry.Version().Sum()
	}
}

// New makes the route table of a node with some addresses. A transport client
// passes the zero NodeID and has no entry.
func New(self foci.NodeID, inc foci.Incarnation, role foci.Role, addrs []Address) (*Routes, error) {
	r := &Routes{nodes: make(map[foci.NodeID]*node)}
	if self.IsZero() {
		return r, nil
	}
	if role == foci.RoleTransport || role >= foci.NumRoles {
		return nil, foci.Errorf(foci.Invalid, "role %v has no entry in the route table", role)
	}
	r.self = wire.Route{Node: self, Incarnation: inc, Role: role}
	return r, r.Move(addrs, 0)
}

// Move replaces this node's own addresses; its entry is newer afterwards. It
// fails with Busy when that would need an incarnation that is out of bounds.
func (r *Routes) Move(addrs []Address, now int64) error {
	if r.self.Node.IsZero() {
		return foci.Errorf(foci.Invalid, "a transport client has no addresses")
	}
	if err := CheckAddrs(addrs); err != nil {
		return err
	}
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	before := r.self.Addrs
	r.self.Addrs = texts
	if !r.raise(r.self.Version(), slices.Clone(addrs), now) {
		r.self.Addrs = before
		return foci.Errorf(foci.Busy, "this node's route cannot change: its incarnation %d is as far ahead of the clock as may be", r.self.Incarnation)
	}
	return nil
}

// raise makes this node's entry, with some addresses, newer than a version of it.
// When the counter is used up the incarnation goes up by one. It reports false, and
// changes nothing, when that incarnation would be out of bounds, as no process
// accepts it. The node's next start has a new incarnation and counts from 1.
func (r *Routes) raise(above wire.RouteVersion, addrs []Address, now int64) bool {
	inc, counter := above.Incarnation, above.Counter+1
	if counter > MaxCounter || counter == 0 {
		inc, counter = inc+1, 1
	}
	if inc > r.self.Incarnation && !Believable(inc, now) && !mutant.On(mutant.RaisePastBound) {
		return false
	}
	r.self.Incarnation, r.self.Counter = inc, counter
	r.own(addrs)
	return true
}

// Self is this node's own entry. Its incarnation versions the entry only; it is
// above the process's when another process spread a newer entry under our id.
func (r *Routes) Self() wire.Route { return r.self }

// Len is the number of known nodes, this one included.
func (r *Routes) Len() int { return len(r.nodes) }

// Entry is the entry of a node.
func (r *Routes) Entry(id foci.NodeID) (wire.Route, bool) {
	n := r.nodes[id]
	if n == nil {
		return wire.Route{}, false
	}
	return n.entry, true
}

// Entries lists all entries, by node.
func (r *Routes) Entries() []wire.Route {
	return r.entries(func(*node) bool { return true })
}

// Present lists the entries of nodes that neither left nor were given up.
func (r *Routes) Present() []wire.Route {
	return r.entries(func(n *node) bool { return n.present() })
}

func (n *node) present() bool { return !n.gone && len(n.addrs) > 0 }

func (r *Routes) entries(which func(*node) bool) []wire.Route {
	all := make([]wire.Route, 0, len(r.nodes))
	for _, n := range r.nodes {
		if which(n) {
			all = append(all, n.entry)
		}
	}
	slices.SortFunc(all, func(a, b wire.Route) int { return cmp.Compare(string(a.Node[:]), string(b.Node[:])) })
	return all
}

// ToldBy is the node that told a node's entry; zero for our own, and for one told
// by a peer without an id.
func (r *Routes) ToldBy(id foci.NodeID) foci.NodeID {
	if n := r.nodes[id]; n != nil {
		return n.from
	}
	return foci.NodeID{}
}

// GiveUp records that a node has been out of reach for long. Its entry
// stays, so that it is not taken for news when others tell it, but counts as
// absent until there is a newer one.
func (r *Routes) GiveUp(id foci.NodeID) {
	if n := r.nodes[id]; n != nil && id != r.self.Node {
		n.gone = true
	}
}

// Addrs lists a node's addresses in the order of its entry.
func (r *Routes) Addrs(id foci.NodeID) []Address {
	if n := r.nodes[id]; n != nil {
		return slices.Clone(n.addrs)
	}
	return nil
}

// Reach lists the addresses of a node in some tables, in the order of the tables.
// It fails with NoRoute when there is none.
func (r *Routes) Reach(id foci.NodeID, tables []foci.Table) ([]Address, error) {
	n := r.nodes[id]
	if n == nil {
		return nil, &foci.Error{Kind: foci.NoRoute, Where: "node " + id.Short(), Msg: "the node is unknown"}
	}
	var out []Address
	for _, t := range tables {
		for _, a := range n.addrs {
			if a.Table == t {
				out = append(out, a)
			}
		}
	}
	if len(out) == 0 {
		return nil, &foci.Error{
			Kind: foci.NoRoute, Where: "node " + id.Short(),
			Msg: "has no address in " + tablesText(tables) + ", only in " + tablesText(tablesOf(n.addrs)),
		}
	}
	return out, nil
}

// Has reports whether a node has an address in a table. It does not allocate.
func (r *Routes) Has(id foci.NodeID, t foci.Table) bool {
	n := r.nodes[id]
	return n != nil && slices.ContainsFunc(n.addrs, func(a Address) bool { return a.Table == t })
}

// Tables lists a node's tables, ascending.
func (r *Routes) Tables(id foci.NodeID) []foci.Table {
	if n := r.nodes[id]; n != nil {
		return tablesOf(n.addrs)
	}
	return nil
}

// TablesOf lists the tables of some addresses, ascending.
func TablesOf(addrs []Address) []foci.Table { return tablesOf(addrs) }

func tablesOf(addrs []Address) []foci.Table {
	var out []foci.Table
	for _, a := range addrs {
		out = append(out, a.Table)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func tablesText(tables []foci.Table) string {
	if len(tables) == 0 {
		return "no table"
	}
	var b strings.Builder
	b.WriteString("table ")
	if len(tables) > 1 {
		b.Reset()
		b.WriteString("tables ")
	}
	for i, t := range tables {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(uintText(uint64(t)))
	}
	return b.String()
}
