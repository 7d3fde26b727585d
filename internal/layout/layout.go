package layout

import (
	"encoding/hex"
	"slices"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/ring"
	"github.com/foci-store/foci/internal/core/route"
)

// Layout is the value. It is never changed: a change is a new one with a higher epoch.
type Layout struct {
	Cluster       string            `json:"cluster"`
	Epoch         foci.Epoch        `json:"epoch"` // from 1
	DefaultGroups []foci.Group      `json:"default_groups"`
	Nodes         []Node            `json:"nodes"`
	Backends      []Backend         `json:"backends"`
	Buckets       map[string]Bucket `json:"buckets,omitempty"` // those that do not live on the default groups
}

// Node is a server process.
type Node struct {
	ID    foci.NodeID     `json:"id"`
	Name  string          `json:"name"` // for people; unique
	Addrs []route.Address `json:"addrs"`
}

// Backend is one directory on one disk of a node.
type Backend struct {
	ID     foci.BackendID `json:"id"`
	Node   foci.NodeID    `json:"node"`
	Group  foci.Group     `json:"group"`
	Weight uint32         `json:"weight"`        // load is in proportion
	Dir    string         `json:"dir,omitempty"` // the directory that takes this identity when it is empty at first start
	Points []Point        `json:"points"`
}

// Bucket is a bucket that has groups of its own.
type Bucket struct {
	Groups []foci.Group `json:"groups"`
}

// Point is a place on the ring; in JSON 16 hexadecimal digits, because 64-bit
// numbers do not survive every JSON reader.
type Point uint64

// MarshalText prints 16 digits.
func (p Point) MarshalText() ([]byte, error) {
	var b [8]byte
	for i := range b {
		b[i] = byte(p >> (56 - 8*i))
	}
	return hex.AppendEncode(nil, b[:]), nil
}

// UnmarshalText reads 16 digits.
func (p *Point) UnmarshalText(t []byte) error {
	var b [8]byte
	if len(t) != 16 {
		return foci.Errorf(foci.Invalid, "point %q: want 16 hexadecimal digits", foci.Clip(string(t)))
	}
	if _, err := hex.Decode(b[:], t); err != nil {
		return foci.Errorf(foci.Invalid, "point %q: want 16 hexadecimal digits", t)
	}
	*p = 0
	for _, d := range b {
		*p = *p<<8 | Point(d)
	}
	return nil
}

// GroupsOf is the groups of a bucket, in the order in which they were given. The
// caller must not change the slice.
func (l *Layout) GroupsOf(bucket string) []foci.Group {
	if b, ok := l.Buckets[bucket]; ok {
		return b.Groups
	}
	return l.DefaultGroups
}

// Clone returns a copy that shares nothing, to make the next layout of.
func (l *Layout) Clone() *Layout {
	c := *l
	c.DefaultGroups = slices.Clone(l.DefaultGroups)
	c.Nodes = slices.Clone(l.Nodes)
	for i := range c.Nodes {
		c.Nodes[i].Addrs = slices.Clone(c.Nodes[i].Addrs)
	}
	c.Backends = slices.Clone(l.Backends)
	for i := range c.Backends {
		c.Backends[i].Points = slices.Clone(c.Backends[i].Points)
	}
	if l.Buckets != nil {
		c.Buckets = make(map[string]Bucket, len(l.Buckets))
		for name, b := range l.Buckets {
			c.Buckets[name] = Bucket{Groups: slices.Clone(b.Groups)}
		}
	}
	return &c
}

// ringBackends is the layout's backends as the ring sees them.
func (l *Layout) ringBackends() []ring.Backend {
	out := make([]ring.Backend, len(l.Backends))
	for i := range l.Backends {
		b := &l.Backends[i]
		out[i] = ring.Backend{ID: b.ID, Node: b.Node, Group: b.Group, Weight: b.Weight}
		out[i].Points = make([]uint64, len(b.Points))
		for j, p := range b.Points {
			out[i].Points[j] = uint64(p)
		}
	}
	return out
}

// place gives points to the backends that have none.
func (l *Layout) place() error {
	byGroup := make(map[foci.Group][]ring.Backend)
	index := make(map[foci.Group][]int)
	for i, b := range l.ringBackends() {
		byGroup[b.Group] = append(byGroup[b.Group], b)
		index[b.Group] = append(index[b.Group], i)
	}
	for g, members := range byGroup {
		if err := ring.Place(members, len(l.Backends)); err != nil {
			return err
		}
		for j, b := range members {
			points := make([]Point, len(b.Points))
			for k, p := range b.Points {
				points[k] = Point(p)
			}
			slices.Sort(points)
			l.Backends[index[g][j]].Points = points
		}
	}
	return nil
}
