package ring

import "iter"

// Range is an arc of the ring: the prefixes from From up to, not including, To.
// It may wrap; if From equals To it is the whole ring.
type Range struct{ From, To uint64 }

// Contains reports whether a prefix lies in the range.
func (r Range) Contains(prefix uint64) bool {
	return r.From == r.To || prefix-r.From < r.To-r.From
}

// Ranges yields the arcs between neighbouring points of the union of all groups'
// rings, in ascending order. All ids of a range have the same owners, so replicas move
// and compare whole ranges. Ranges cover the ring without overlap; the last one wraps.
func (r *Ring) Ranges() iter.Seq[Range] {
	return func(yield func(Range) bool) {
		var first, last uint64
		n := 0
		for p := range r.points() {
			if n == 0 {
				first = p
			} else if !yield(Range{last, p}) {
				return
			}
			last = p
			n++
		}
		if n > 0 {
			yield(Range{last, first})
		}
	}
}

// points yields the groups' points in ascending order, equal ones once. It merges
// with one cursor per group: a merged copy could have millions of points.
func (r *Ring) points() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		at := make([]int, len(r.circles))
		for {
			least, any := uint64(0), false
			for i := range r.circles {
				if ps := r.circles[i].points; at[i] < len(ps) && (!any || ps[at[i]] < least) {
					least, any = ps[at[i]], true
				}
			}
			if !any || !yield(least) {
				return
			}
			for i := range r.circles {
				if ps := r.circles[i].points; at[i] < len(ps) && ps[at[i]] == least {
					at[i]++
				}
			}
		}
	}
}
