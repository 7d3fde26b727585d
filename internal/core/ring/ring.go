// Package ring finds the backend of a group that owns an id (consistent hashing).
//
// Every backend owns some points, 64-bit prefixes of ids. In a group, the owner
// of an id is the backend with the greatest point that is not above the id's
// prefix; below the first point the ring wraps to the last one. A [Ring] is
// built once from a layout and never changes, so that it is read without a lock.
package ring

import (
	"cmp"
	"iter"
	"math"
	"math/bits"
	"slices"

	"github.com/foci-store/foci"
)

// Backend is one directory on one disk, as the ring sees it.
type Backend struct {
	ID     foci.BackendID
	Node   foci.NodeID
	Group  foci.Group
	Weight uint32   // 1..MaxWeight; load is even per weight
	Points []uint64 // in any order
}

// MaxWeight is the highest weight of a backend. With a weight per GiB, that is
// a disk of 1 PiB.
const MaxWeight = 1 << 20

// Owner is a backend and the node that serves it.
type Owner struct {
	Backend foci.BackendID
	Node    foci.NodeID
}

// Ring is an immutable snapshot of the points of all groups.
type Ring struct {
	circles []circle // by group
}

// circle is the complete ring of one group.
type circle struct {
	group  foci.Group
	points []uint64 // ascending
	// first[t] is the number of points whose top bits are below t. Points are spread
	// evenly, so few have the same t, and a search among them is short.
	first  []uint32
	shift  uint
	owner  []uint32 // owner[i] owns from points[i]; index into owners
	owners []Owner
}

// New builds a ring. It refuses group 0, a backend without weight or with more than
// [foci.MaxPoints] points, two equal points in one group, and a group without points.
func New(backends []Backend) (*Ring, error) {
	if len(backends) > foci.MaxBackends {
		return nil, foci.Errorf(foci.TooLarge, "ring of %d backends, want at most %d", len(backends), foci.MaxBackends)
	}
	byGroup := make(map[foci.Group][]*Backend)
	for i := range backends {
		b := &backends[i]
		if err := b.check(); err != nil {
			return nil, err
		}
		byGroup[b.Group] = append(byGroup[b.Group], b)
	}
	r := &Ring{circles: make([]circle, 0, len(byGroup))}
	for g, members := range byGroup {
		c, err := newCircle(g, members)
		if err != nil {
			return nil, err
		}
		r.circles = append(r.circles, c)
	}
	slices.SortFunc(r.circles, func(a, b circle) int { return cmp.Compare(a.group, b.group) })
	return r, nil
}

func (b *Backend) check() error {
	switch {
	case b.Group == 0:
		return foci.Errorf(foci.Invalid, "backend %v: group 0, groups count from 1", b.ID)
	case b.Weight == 0 || b.Weight > MaxWeight:
		return foci.Errorf(foci.Invalid, "backend %v: weight %d, want 1 to %d", b.ID, b.Weight, MaxWeight)
	case len(b.Points) > foci.MaxPoints:
		return foci.Errorf(foci.TooLarge, "backend %v: %d points, want at most %d", b.ID, len(b.Points), foci.MaxPoints)
	}
	return nil
}

func newCircle(g foci.Group, members []*Backend) (circle, error) {
	type mark struct {
		point uint64
		owner uint32
	}
	var marks []mark
	c := circle{group: g, owners: make([]Owner, len(members))}
	for i, b := range members {
		c.owners[i] = Owner{Backend: b.ID, Node: b.Node}
		for _, p := range b.Points {
			marks = append(marks, mark{p, uint32(i)})
		}
	}
	if len(marks) == 0 {
		return c, foci.Errorf(foci.Invalid, "group %d: none of its %d backends has a point on the ring", g, len(members))
	}
	slices.SortFunc(marks, func(a, b mark) int { return cmp.Compare(a.point, b.point) })
	c.points = make([]uint64, len(marks))
	c.owner = make([]uint32, len(marks))
	for i, m := range marks {
		if i > 0 && m.point == c.points[i-1] {
			return c, foci.Errorf(foci.Invalid, "group %d: point %016x is claimed by backends %v and %v",
				g, m.point, c.owners[c.owner[i-1]].Backend, c.owners[m.owner].Backend)
		}
		c.points[i], c.owner[i] = m.point, m.owner
	}
	c.index()
	return c, nil
}

// Owner returns the owner of an id in a group; false if there is no such group.
// It neither locks nor allocates.
func (r *Ring) Owner(g foci.Group, id foci.ID) (Owner, bool) {
	return r.OwnerAt(g, id.Prefix())
}

// OwnerAt returns the owner of all ids with a prefix.
func (r *Ring) OwnerAt(g foci.Group, prefix uint64) (Owner, bool) {
	c := r.circle(g)
	if c == nil {
		return Owner{}, false
	}
	return c.owners[c.owner[c.at(prefix)]], true
}

// at is the index of the greatest point that is not above a prefix.
func (c *circle) at(prefix uint64) int {
	top := prefix >> c.shift
	low := int(c.first[top])
	i, exact := slices.BinarySearch(c.points[low:c.first[top+1]], prefix)
	i += low
	if !exact {
		i--
	}
	if i < 0 {
		return len(c.points) - 1
	}
	return i
}

// index fills first, with about one point for each value of the top bits.
func (c *circle) index() {
	width := max(bits.Len(uint(len(c.points)-1)), 1)
	c.shift = uint(64 - width)
	c.first = make([]uint32, 1<<width+1)
	for _, p := range c.points {
		c.first[p>>c.shift+1]++
	}
	for t := 1; t < len(c.first); t++ {
		c.first[t] += c.first[t-1]
	}
}

func (r *Ring) circle(g foci.Group) *circle {
	i, ok := slices.BinarySearchFunc(r.circles, g, func(c circle, g foci.Group) int { return cmp.Compare(c.group, g) })
	if !ok {
		return nil
	}
	return &r.circles[i]
}

// Groups yields the groups in ascending order.
func (r *Ring) Groups() iter.Seq[foci.Group] {
	return func(yield func(foci.Group) bool) {
		for i := range r.circles {
			if !yield(r.circles[i].group) {
				return
			}
		}
	}
}

// Shares yields each backend of a group and the fraction of the ring that it
// owns, 0..1.
func (r *Ring) Shares(g foci.Group) iter.Seq2[Owner, float64] {
	return func(yield func(Owner, float64) bool) {
		c := r.circle(g)
		if c == nil {
			return
		}
		sum := make([]float64, len(c.owners))
		for i, p := range c.points {
			next := c.points[(i+1)%len(c.points)]
			sum[c.owner[i]] += arcLength(p, next) / math.Exp2(64)
		}
		for i, o := range c.owners {
			if !yield(o, sum[i]) {
				return
			}
		}
	}
}

// arcLength is the number of prefixes from a point to the next. A single point is
// its own next one: then it is the whole ring.
func arcLength(from, to uint64) float64 {
	if from == to {
		return math.Exp2(64)
	}
	return float64(to - from)
}
