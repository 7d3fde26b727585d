package layout

import (
	"sync/atomic"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/ring"
)

// Snapshot is a valid layout with everything that is looked up in it. It is
// immutable and read without a lock.
type Snapshot struct {
	*Layout
	Ring     *ring.Ring
	nodes    map[foci.NodeID]*Node
	backends map[foci.BackendID]*Backend
}

// NewSnapshot validates a layout, which must not be changed afterwards.
func NewSnapshot(l *Layout) (*Snapshot, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	r, err := ring.New(l.ringBackends())
	if err != nil {
		return nil, err
	}
	s := &Snapshot{
		Layout: l, Ring: r,
		nodes:    make(map[foci.NodeID]*Node, len(l.Nodes)),
		backends: make(map[foci.BackendID]*Backend, len(l.Backends)),
	}
	for i := range l.Nodes {
		s.nodes[l.Nodes[i].ID] = &l.Nodes[i]
	}
	for i := range l.Backends {
		s.backends[l.Backends[i].ID] = &l.Backends[i]
	}
	return s, nil
}

// Owner is the backend that owns an id in a group, and its node; false when the
// layout has no such group. It neither locks nor allocates.
func (s *Snapshot) Owner(g foci.Group, id foci.ID) (foci.BackendID, foci.NodeID, bool) {
	o, ok := s.Ring.Owner(g, id)
	return o.Backend, o.Node, ok
}

// Node finds a node; nil when the layout has none of this id.
func (s *Snapshot) Node(id foci.NodeID) *Node { return s.nodes[id] }

// NodeName is the name of a node; "" when it is not in the layout.
func (s *Snapshot) NodeName(id foci.NodeID) string {
	if n := s.nodes[id]; n != nil {
		return n.Name
	}
	return ""
}

// NodeNamed finds a node by its name; nil when there is none.
func (s *Snapshot) NodeNamed(name string) *Node {
	for i := range s.Nodes {
		if s.Nodes[i].Name == name {
			return &s.Nodes[i]
		}
	}
	return nil
}

// Backend finds a backend; nil when the layout has none of this id.
func (s *Snapshot) Backend(id foci.BackendID) *Backend { return s.backends[id] }

// BackendsOf lists a node's backends in the layout's order.
func (s *Snapshot) BackendsOf(node foci.NodeID) []*Backend {
	var out []*Backend
	for i := range s.Backends {
		if s.Backends[i].Node == node {
			out = append(out, &s.Backends[i])
		}
	}
	return out
}

// Holder is where a process keeps its current layout. The zero Holder has none.
// It is safe for concurrent use.
type Holder struct{ current atomic.Pointer[Snapshot] }

// Load is the current layout; nil when there is none yet.
func (h *Holder) Load() *Snapshot { return h.current.Load() }

// Epoch is the current layout's epoch; 0 when there is none.
func (h *Holder) Epoch() foci.Epoch {
	if s := h.current.Load(); s != nil {
		return s.Epoch
	}
	return 0
}

// Adopt makes a layout the current one if its epoch is higher, and reports
// whether it did. Epochs never go back.
func (h *Holder) Adopt(s *Snapshot) bool {
	for {
		old := h.current.Load()
		if old != nil && old.Epoch >= s.Epoch {
			return false
		}
		if h.current.CompareAndSwap(old, s) {
			return true
		}
	}
}
