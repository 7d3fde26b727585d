package route

import (
	"bytes"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// SignBy signs this node's own entry, now and at each change. sign must be quick;
// it returns no proof when it cannot sign. With nil, entries have no proofs.
func (r *Routes) SignBy(sign func(*wire.Route) wire.RouteProof) {
	r.sign = sign
	if me := r.nodes[r.self.Node]; me != nil {
		r.own(me.addrs)
	}
}

// own makes the fields of self, with a proof, this node's entry.
func (r *Routes) own(addrs []Address) {
	r.self.Proof = wire.RouteProof{}
	if r.sign != nil {
		r.self.Proof = r.sign(&r.self)
	}
	r.put(&node{entry: r.self, addrs: addrs})
}

// Renew makes this node's entry newer, so that it is signed and told again. It
// reports false when that would need an incarnation out of bounds.
func (r *Routes) Renew(now int64) bool {
	return r.raise(r.self.Version(), r.nodes[r.self.Node].addrs, now)
}

// Unproved lists the entries of a peer that [Routes.Merge] would add, of each node
// the newest: their proofs are to be verified first. So each version of an entry is
// verified once.
func (r *Routes) Unproved(entries []wire.Route, now int64) []wire.Route {
	newest := make(map[foci.NodeID]int, len(entries))
	var out []wire.Route
	for i := range entries {
		e := &entries[i]
		switch at, twice := newest[e.Node]; {
		case !inBounds(e.Version(), now), !r.counts(e, now):
		case !twice:
			newest[e.Node] = len(out)
			out = append(out, *e)
		case e.Newer(&out[at]):
			out[at] = *e
		}
	}
	return out
}

// counts reports whether an entry would change the table.
func (r *Routes) counts(e *wire.Route, now int64) bool {
	if e.Node == r.self.Node && !e.Node.IsZero() {
		return !r.self.Newer(e) && !sameEntry(e, &r.self)
	}
	return r.news(e.Version(), now)
}

// Tellable reports whether members that verify proofs would accept an entry from
// this process: where entries have proofs, only its node may tell one without.
func (r *Routes) Tellable(e *wire.Route) bool { return r.sign == nil || !e.Proof.IsZero() }

// cloneProof copies a proof out of its message.
func cloneProof(p wire.RouteProof) wire.RouteProof {
	return wire.RouteProof{Cert: bytes.Clone(p.Cert), Sig: bytes.Clone(p.Sig)}
}

// bare removes the proofs of entries for transport clients: the nodes that these
// dial authenticate themselves.
func bare(entries []wire.Route) []wire.Route {
	for i := range entries {
		entries[i].Proof = wire.RouteProof{}
	}
	return entries
}
