package ring

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/foci-store/foci"
)

// usualPoints is the number of points of a backend of average weight: enough that a
// newcomer takes a little from many. Clusters of very many backends use fewer, so that
// all points together stay near mostPoints: a layout is sent whole.
const (
	usualPoints = 64
	mostPoints  = 1 << 18
)

// Place gives points to those backends of one group that have none, in
// proportion to their weights. Points are computed, not random, so that the load
// is even and the same backends always get the same points. If no backend has
// points, all of the ring is divided; else each newcomer takes the tails of arcs
// of the most loaded backends, and no existing point moves. all is the number of
// backends in all groups.
func Place(group []Backend, all int) error {
	if all = max(all, len(group)); all > foci.MaxBackends {
		return foci.Errorf(foci.TooLarge, "%d backends, want at most %d", all, foci.MaxBackends)
	}
	var weights uint64
	placed := 0
	for i := range group {
		if err := group[i].check(); err != nil {
			return err
		}
		if group[i].Group != group[0].Group {
			return foci.Errorf(foci.Internal, "placing backends of groups %d and %d together", group[0].Group, group[i].Group)
		}
		weights += uint64(group[i].Weight)
		if len(group[i].Points) > 0 {
			placed++
		}
	}
	switch placed {
	case len(group):
		return nil
	case 0:
		deal(group, weights, all)
		return nil
	}
	return join(group, all)
}

// pointCount is the number of points for a weight among n backends of a group.
func pointCount(weight uint32, weights uint64, n, all int) int {
	base := min(usualPoints, mostPoints/float64(all))
	k := math.Round(base * float64(weight) * float64(n) / float64(weights))
	return int(min(max(k, 1), foci.MaxPoints))
}

// deal lays the arcs of all backends around the ring in a pseudo-random order. All
// arcs of a backend are equally long, so its share is exact. Every group begins at
// zero: groups of the same number of equal backends then have the same points, which
// keeps the number of ranges small.
func deal(group []Backend, weights uint64, all int) {
	type turn struct {
		order   uint64
		backend int
	}
	var turns []turn
	width := make([]uint64, len(group))
	for i := range group {
		b := &group[i]
		k := pointCount(b.Weight, weights, len(group), all)
		if len(group) == 1 {
			k = max(k, 2) // the width of one arc around the whole ring does not fit
		}
		width[i], _ = bits.Div64(uint64(b.Weight), 0, weights*uint64(k))
		for j := range k {
			turns = append(turns, turn{mix(b.ID, uint64(j)), i})
		}
	}
	slices.SortFunc(turns, func(a, b turn) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.backend, b.backend))
	})
	at := uint64(0)
	for _, t := range turns {
		group[t.backend].Points = append(group[t.backend].Points, at)
		at += width[t.backend]
	}
}

// mix is a fixed pseudo-random function of a backend and a number.
func mix(id foci.BackendID, n uint64) uint64 {
	x := n
	for _, part := range [2]uint64{binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])} {
		x ^= part
		x ^= x >> 30
		x *= 0xbf58476d1ce4e5b9
		x ^= x >> 27
		x *= 0x94d049bb133111eb
		x ^= x >> 31
	}
	return x
}
