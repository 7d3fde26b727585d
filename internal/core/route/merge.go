package route

import (
	"slices"
	"strconv"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/invariant"
	"github.com/foci-store/foci/internal/core/wire"
)

func uintText(n uint64) string { return strconv.FormatUint(n, 10) }

// Changes is the result of a merge.
type Changes struct {
	Nodes []foci.NodeID // whose entries are new or newer: to be pushed on, and dialled
	// Self: our own entry was raised, because another process spread one that we did
	// not write; push it. Impostor says why; a second process with our data
	// directory looks like this.
	Self     bool
	Impostor string
	Refused  []error // at most MaxRefused
	NRefused int
}

// MaxRefused is how many errors one merge reports at most.
const MaxRefused = 8

// Merge takes in entries that a peer told: newer ones replace older ones. It
// refuses those that break a limit or do not parse, roles that no node dials, and
// new nodes above [foci.MaxNodes]; the rest is taken. now is the wall clock, in
// nanoseconds since 1970, by which incarnations are held to their bound.
func (r *Routes) Merge(from foci.NodeID, entries []wire.Route, now int64) Changes {
	var c Changes
	for i := range entries {
		e := &entries[i]
		if e.Node == r.self.Node && !r.self.Node.IsZero() {
			r.defend(e, now, &c)
			continue
		}
		if !r.news(e.Version(), now) {
			continue
		}
		addrs, err := r.admit(e, now)
		if err != nil {
			c.NRefused++
			if len(c.Refused) < MaxRefused {
				c.Refused = append(c.Refused, &foci.Error{Kind: foci.KindOf(err), Where: "route of node " + e.Node.Short(), Msg: "refused", Err: err})
			}
			continue
		}
		invariant.Check(e.Node != r.self.Node && inBounds(e.Version(), now), "an entry that is taken is another node's, and in bounds")
		n := &node{entry: *e, addrs: addrs, from: from}
		n.entry.Addrs, n.entry.Proof = slices.Clone(e.Addrs), cloneProof(e.Proof)
		r.put(n)
		c.Nodes = append(c.Nodes, e.Node)
		r.contest(n, now, &c)
	}
	return c
}

// news reports whether an entry would replace the known one of its node. A known
// entry that is out of bounds, because it was added while the clock was far ahead,
// is older than any other.
func (r *Routes) news(v wire.RouteVersion, now int64) bool {
	known := r.nodes[v.Node]
	return known == nil || v.Newer(known.entry.Version()) || !inBounds(known.entry.Version(), now) && inBounds(v, now)
}

// admit checks an entry about another node.
func (r *Routes) admit(e *wire.Route, now int64) ([]Address, error) {
	switch {
	case e.Node.IsZero():
		return nil, foci.Errorf(foci.Invalid, "the node has no id")
	case e.Role == foci.RoleTransport || e.Role >= foci.NumRoles:
		return nil, foci.Errorf(foci.Invalid, "a node of role %v has no route", e.Role)
	case !inBounds(e.Version(), now):
		return nil, &foci.Error{
			Kind: foci.Invalid, Msg: "version " + versionText(e.Version()) + " is out of bounds",
			Fix: "set the clock of this node or of that one: it is wrong by more than a day",
		}
	case r.nodes[e.Node] == nil && len(r.nodes) >= foci.MaxNodes && !r.evict():
		return nil, foci.Errorf(foci.TooLarge, "%d nodes are known, at most %d may be", len(r.nodes), foci.MaxNodes)
	case len(e.Addrs) > foci.MaxAddrs:
		return nil, foci.Errorf(foci.TooLarge, "%d addresses, a node has at most %d", len(e.Addrs), foci.MaxAddrs)
	}
	addrs := make([]Address, len(e.Addrs))
	for i, text := range e.Addrs {
		var err error
		if addrs[i], err = ParseAddress(text); err != nil {
			return nil, err
		}
	}
	return addrs, CheckAddrs(addrs)
}

// defend raises this node's own entry above one under its id that it did not write.
// It ignores a version out of bounds, which no process accepts. When the raised
// entry would be out of bounds it stays as it is; the next comparison tries again,
// as the clock moves the bound.
func (r *Routes) defend(e *wire.Route, now int64, c *Changes) {
	if !inBounds(e.Version(), now) || !r.counts(e, now) {
		return
	}
	c.Impostor = "an entry under our id, version " + versionText(e.Version()) + ", is not ours"
	if !r.raise(e.Version(), r.nodes[r.self.Node].addrs, now) {
		c.Impostor += ", and a newer one would be out of bounds: this node keeps its own"
		return
	}
	c.Self = true
}

// contest answers a newer entry that gives one of our addresses to another
// node: ours is raised, so that a node that hears of both hears of ours last. A
// dialler learns in the welcome which node is really there.
func (r *Routes) contest(n *node, now int64, c *Changes) {
	me := r.nodes[r.self.Node]
	if me == nil {
		return
	}
	for _, a := range n.addrs {
		if slices.Contains(me.addrs, a) {
			c.Self = c.Self || r.raise(r.self.Version(), me.addrs, now)
			c.Impostor = "node " + n.entry.Node.Short() + " claims our address " + a.String()
			return
		}
	}
}

func versionText(v wire.RouteVersion) string {
	return uintText(uint64(v.Incarnation)) + "." + uintText(v.Counter)
}

func sameEntry(a, b *wire.Route) bool {
	return a.Incarnation == b.Incarnation && a.Counter == b.Counter && a.Role == b.Role && slices.Equal(a.Addrs, b.Addrs)
}

// Forget drops a node that left the cluster, unless it is this one.
func (r *Routes) Forget(id foci.NodeID) {
	if id != r.self.Node {
		r.drop(id)
	}
}

// evict makes room by forgetting a node that is not present. It reports whether
// there was one.
func (r *Routes) evict() bool {
	for id, n := range r.nodes {
		if !n.present() && id != r.self.Node {
			r.drop(id)
			return true
		}
	}
	return false
}
