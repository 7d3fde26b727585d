package route

import (
	"slices"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// perSum is about how many entries one sum of a digest stands for: few, so that
// one change has few versions listed; not too few, or the sums outweigh them.
const perSum = 16

// Digest is sums over the versions of all entries, more of them the more entries
// there are. The order of entries does not matter.
func (r *Routes) Digest() []uint64 {
	n := 1
	for n < wire.MaxSums && n*perSum < len(r.nodes) {
		n *= 2
	}
	return r.fold(n)
}

// fold is the table's digest of n sums, n a power of two.
func (r *Routes) fold(n int) []uint64 {
	sums := make([]uint64, n)
	for i, s := range r.sums {
		sums[i%n] += s
	}
	return sums
}

// Differs reports whether a digest is not of this table.
func (r *Routes) Differs(sums []uint64) bool {
	return len(sums) == 0 || len(r.differing(sums, r.fold(len(sums)))) > 0
}

// differing marks the sums that are not the same; nil when all are.
func (r *Routes) differing(theirs, ours []uint64) []bool {
	var out []bool
	for i, s := range ours {
		if i >= len(theirs) || s != theirs[i] {
			if out == nil {
				out = make([]bool, len(ours))
			}
			out[i] = true
		}
	}
	return out
}

// under lists what is known of the nodes whose sums are marked.
func (r *Routes) under(marked []bool) []*node {
	if marked == nil {
		return nil
	}
	var out []*node
	for id, n := range r.nodes {
		if marked[int(id[0])%len(marked)] {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b *node) int { return compareIDs(a.entry.Node, b.entry.Node) }) // a seed decides everything
	return out
}

// Versions answers a digest: our sums, as many, and the versions of the entries
// under those that differ.
func (r *Routes) Versions(theirs []uint64) wire.Versions {
	if len(theirs) == 0 {
		theirs = r.fold(1)
		theirs[0]++ // it said nothing: all differs
	}
	v := wire.Versions{Sums: r.fold(len(theirs))}
	for _, n := range r.under(r.differing(theirs, v.Sums)) {
		v.Versions = append(v.Versions, n.entry.Version())
	}
	return v
}

// Compare takes the answer to a digest: which entries of ours are news to the
// other side, as many as one message carries, and of which nodes it knows more.
// Versions out of bounds are neither told nor wanted. proofs says whether the
// other side refuses entries without proofs.
func (r *Routes) Compare(v *wire.Versions, proofs bool, now int64) (news []wire.Route, want []foci.NodeID) {
	if len(v.Sums) == 0 {
		return nil, nil
	}
	theirs := make(map[foci.NodeID]wire.RouteVersion, len(v.Versions))
	for _, e := range v.Versions {
		theirs[e.Node] = e
		if inBounds(e, now) && r.news(e, now) {
			want = append(want, e.Node)
		}
	}
	for _, n := range r.under(r.differing(v.Sums, r.fold(len(v.Sums)))) {
		ours := n.entry.Version()
		known, ok := theirs[n.entry.Node]
		if inBounds(ours, now) && (!proofs || r.Tellable(&n.entry)) && (!ok || ours.Newer(known) || !inBounds(known, now)) {
			news = append(news, n.entry)
		}
	}
	return wire.FitRoutes(news), want
}

// Answer is what a peer gets that has told entries and asks for some: what it asks
// for, and newer ones of those that it told; with their proofs or without.
func (r *Routes) Answer(q *wire.Routes, proofs bool) []wire.Route {
	var out []wire.Route
	if q.All {
		out = r.Entries()
	} else {
		for i := range q.Routes {
			if n := r.nodes[q.Routes[i].Node]; n != nil && n.entry.Newer(&q.Routes[i]) {
				out = append(out, n.entry)
			}
		}
		for _, id := range q.Want {
			if n := r.nodes[id]; n != nil {
				out = append(out, n.entry)
			}
		}
	}
	if proofs {
		out = slices.DeleteFunc(out, func(e wire.Route) bool { return !r.Tellable(&e) })
	} else {
		out = bare(out)
	}
	return wire.FitRoutes(out)
}

// Since lists the entries under those sums of a digest that are not ours, without
// their proofs.
func (r *Routes) Since(sums []uint64) []wire.Route {
	if len(sums) == 0 {
		return wire.FitRoutes(bare(r.Entries()))
	}
	var out []wire.Route
	for _, n := range r.under(r.differing(sums, r.fold(len(sums)))) {
		out = append(out, n.entry)
	}
	return wire.FitRoutes(bare(out))
}
