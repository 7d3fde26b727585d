package ring

import (
	"cmp"
	"math"
	"slices"

	"github.com/foci-store/foci"
)

// holding is the part of the ring that a backend owns while newcomers join.
type holding struct {
	weight float64
	share  float64 // prefixes owned
	arcs   []arc
}

type arc struct{ from, length uint64 }

// join gives points to the newcomers of a group, one after the other.
func join(group []Backend, all int) error {
	held, total, err := holdings(group)
	if err != nil {
		return err
	}
	for i := range group {
		b := &group[i]
		if len(b.Points) > 0 {
			continue
		}
		total += float64(b.Weight)
		joined := 1
		for j := range group {
			if len(held[j].arcs) > 0 {
				joined++
			}
		}
		k := pointCount(b.Weight, uint64(total), joined, all)
		take(held, &held[i], math.Exp2(64)*float64(b.Weight)/total, k, total)
		if len(held[i].arcs) == 0 {
			return foci.Errorf(foci.TooLarge, "backend %v: no arc of group %d is long enough to be cut", b.ID, b.Group)
		}
		for _, a := range held[i].arcs {
			b.Points = append(b.Points, a.from)
		}
	}
	return nil
}

// take moves k arc tails to the newcomer, each from the longest arc of the backend
// that is furthest above its share.
func take(held []holding, newcomer *holding, need float64, k int, total float64) {
	for ; k > 0; k-- {
		var donor *holding
		most := math.Inf(-1)
		for i := range held {
			h := &held[i]
			if h == newcomer || len(h.arcs) == 0 {
				continue
			}
			if excess := h.share - math.Exp2(64)*h.weight/total; excess > most {
				donor, most = h, excess
			}
		}
		longest := slices.MaxFunc(donor.arcs, func(a, b arc) int { return cmp.Compare(a.length, b.length) })
		if longest.length < 2 {
			return
		}
		cut := min(max(uint64(max(need, 0)/float64(k)), 1), longest.length-1)
		i := slices.Index(donor.arcs, longest)
		donor.arcs[i].length -= cut
		donor.share -= float64(cut)
		newcomer.arcs = append(newcomer.arcs, arc{longest.from + longest.length - cut, cut})
		newcomer.share += float64(cut)
		need -= float64(cut)
	}
}

// holdings returns the arcs of the backends that have points, and the sum of their
// weights.
func holdings(group []Backend) ([]holding, float64, error) {
	members := make([]*Backend, len(group))
	held := make([]holding, len(group))
	total := 0.0
	for i := range group {
		members[i] = &group[i]
		held[i].weight = float64(group[i].Weight)
		if len(group[i].Points) > 0 {
			total += held[i].weight
		}
	}
	c, err := newCircle(group[0].Group, members)
	if err != nil {
		return nil, 0, err
	}
	for i, p := range c.points {
		length := c.points[(i+1)%len(c.points)] - p
		if length == 0 {
			length = math.MaxUint64 // one point owns everything
		}
		h := &held[c.owner[i]]
		h.arcs = append(h.arcs, arc{p, length})
		h.share += float64(length)
	}
	return held, total, nil
}
