package route

import (
	"slices"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// perSum is about how many entries one sum of a digest covers: few, so that one
// change lists few versions; not too few, or the sums outweigh them.
const perSum = 16

// Digest is sums over the versions of all entries, the more of them the more
// entries there are. It does not depend on the order of entries.
func (r *Routes) Digest() []uint64 {
	n := 1
	for n < wire.MaxSums && n*perSum < len(r.nodes) {
		n *= 2
	}
	return r.fold(n)
}

// fold is the digest with n sums, a power of two.
func (r *Routes) fold(n int) []uint64 {
	sums := make([]uint64, n)
	for i, s := range r.sums {
		sums[i%n] += s
	}
	return sums
}

// Differs reports whether a digest is not that of this table.
func (r *Routes) Differs(sums []uint64) bool {
	return len(sums) == 0 || len(r.differing(sums, r.fold(len(sums)))) > 0
}

// differing marks the sums that are not equal; nil when all are.
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

// under lists the nodes that the marked sums cover.
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

// Versions answers a digest: as many sums of this table, and the versions of the
// entries that the differing ones cover.
func (r *Routes) Versions(theirs []uint64) wire.Versions {
	if len(theirs) == 0 {
		theirs = r.fold(1)
		theirs[0]++ // an empty digest differs from any
	}
	v := wire.Versions{Sums: r.fold(len(theirs))}
	for _, n := range r.under(r.differing(theirs, v.Sums)) {
		v.Versions = append(v.Versions, n.entry.Version())
	}
	return v
}

// Compare evaluates the answer to a digest: news are the entries that the peer
// lacks, as many as fit in one message, and want the nodes of which it has newer
// ones. Versions out of bounds are in neither. proofs says that the peer refuses
// entries without proofs.
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

// Answer is the entries that a peer gets which has told some and wants some: those
// that it wants, and newer ones of those that it told; with proofs or without.
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

// Since lists the entries covered by the sums of a digest that differ, without
// proofs.
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
