package node

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/peer"
	"github.com/foci-store/foci/internal/status"
)

// membership answers questions about routes.
func (n *Node) membership(in *mesh.Incoming) {
	if p := n.joined(in); p != nil {
		p.Serve(in)
	}
}

// joined is the node's part in the mesh, which serves requests while it is being
// made. It fails a request that comes before that is done, and returns nil.
func (n *Node) joined(in *mesh.Incoming) *peer.Peer {
	p := n.peer.Load()
	if p == nil {
		in.Fail(&foci.Error{Kind: foci.Busy, Msg: "this node is starting", RetryAfter: 20 * time.Millisecond})
	}
	return p
}

// giveLayout tells the layout.
func (n *Node) giveLayout(in *mesh.Incoming) { peer.GiveLayout(in, &n.layout) }

// Status describes this node and its backends.
func (n *Node) Status() status.Node {
	s := n.peer.Load().Status()
	if a := n.astray.Load(); a != nil {
		s.NotVoting, s.ClockOff = a.Err().Error(), a.Off
	}
	if l := n.layout.Load(); l != nil {
		for _, lb := range l.BackendsOf(n.id.Node) {
			if b := n.backends[lb.ID]; b != nil {
				s.Backends = append(s.Backends, status.Backend{ID: lb.ID, Group: lb.Group, Dir: n.dirs[lb.ID], Stats: status.Stats(b.Stats())})
			}
		}
	}
	return s
}

// Mesh describes this node's links and channels.
func (n *Node) Mesh() mesh.Stats { return n.peer.Load().Mesh() }

// Txns describes the transactions that this node has under way itself, and what
// its backends keep for groups that missed something.
func (n *Node) Txns() status.Txns {
	t := n.peer.Load().Txns()
	for _, b := range n.backends {
		t.Hints += b.Stats().Hints
	}
	return t
}

// Trace are the steps of an operation that this node remembers.
func (n *Node) Trace(id foci.TraceID) []status.Step { return n.traces.Of(id) }

// NameOf is a node's name in the layout, or its id where it has none there.
func (n *Node) NameOf(id foci.NodeID) string {
	if l := n.layout.Load(); l != nil {
		if named := l.Node(id); named != nil && named.Name != "" {
			return named.Name
		}
	}
	return id.String()
}

// status answers questions about this node.
func (n *Node) status(in *mesh.Incoming) {
	m, ok := read[wire.Ask](in)
	if ok && n.joined(in) != nil {
		status.Serve(in, m, n)
	}
}
