package node

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/status"
)

// Status describes this node and its backends.
func (n *Node) Status() status.Node { return n.peer.Load().Status() }

// describe adds what the node stores, and whether it votes.
func (n *Node) describe(s *status.Node) {
	if a := n.astray.Load(); a != nil {
		s.NotVoting, s.ClockOff = a.Err().Error(), a.Off
	}
	l := n.layout.Load()
	if l == nil {
		return
	}
	for _, lb := range l.BackendsOf(n.id.Node) {
		if b := n.backends[lb.ID]; b != nil {
			s.Backends = append(s.Backends, status.Backend{ID: lb.ID, Group: lb.Group, Dir: n.dirs[lb.ID], Stats: status.Stats(b.Stats())})
		}
	}
}

// Mesh describes this node's links and channels.
func (n *Node) Mesh() mesh.Stats { return n.peer.Load().Mesh() }

// Txns describes the transactions that this node has under way itself.
func (n *Node) Txns() status.Txns { return n.peer.Load().Txns() }

// NameOf is a node's name in the layout, or its id where it has none there.
func (n *Node) NameOf(id foci.NodeID) string {
	if l := n.layout.Load(); l != nil {
		if named := l.Node(id); named != nil && named.Name != "" {
			return named.Name
		}
	}
	return id.String()
}
