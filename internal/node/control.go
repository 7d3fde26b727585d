package node

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/peer"
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

// Status describes this node.
func (n *Node) Status() peer.NodeStatus {
	s := peer.NodeStatus{ID: n.id.Node, Incarnation: n.id.Incarnation, Role: n.cfg.Role, Epoch: n.layout.Epoch(), Uptime: time.Since(n.started), Protocols: wire.Spoken()}
	for _, b := range n.binds {
		s.Addrs = append(s.Addrs, b.Addr.String())
	}
	if a := n.astray.Load(); a != nil {
		s.NotVoting, s.ClockOff = a.Err().Error(), a.Off
	}
	l := n.layout.Load()
	if l == nil {
		return s
	}
	if me := l.Node(n.id.Node); me != nil {
		s.Name = me.Name
	}
	for _, lb := range l.BackendsOf(n.id.Node) {
		if b := n.backends[lb.ID]; b != nil {
			s.Backends = append(s.Backends, peer.BackendStatus{ID: lb.ID, Group: lb.Group, Dir: n.dirs[lb.ID], Stats: b.Stats()})
		}
	}
	return s
}

// Mesh describes this node's links and channels.
func (n *Node) Mesh() mesh.Stats { return n.peer.Load().Mesh() }

// Txns describes the transactions that this node has under way itself.
func (n *Node) Txns() peer.TxnStatus { return n.peer.Load().Txns() }

// NameOf is a node's name in the layout, or its id where it has none there.
func (n *Node) NameOf(id foci.NodeID) string {
	if l := n.layout.Load(); l != nil {
		if named := l.Node(id); named != nil && named.Name != "" {
			return named.Name
		}
	}
	return id.String()
}

// status answers questions about the system.
func (n *Node) status(in *mesh.Incoming) {
	m, ok := read[wire.Ask](in)
	if !ok {
		return
	}
	p := n.joined(in)
	if p == nil {
		return
	}
	var v any
	switch {
	case m.What == peer.AskNode:
		v = n.Status()
	case m.What == peer.AskMesh:
		v = p.Mesh()
	case m.What == peer.AskTxns:
		t := p.Txns()
		for _, b := range n.backends {
			t.Hints += b.Stats().Hints
		}
		v = t
	case strings.HasPrefix(m.What, peer.AskTrace):
		id, err := foci.ParseTraceID(strings.TrimPrefix(m.What, peer.AskTrace))
		if err != nil {
			in.Fail(err)
			return
		}
		v = n.traces.Of(id)
	default:
		in.Fail(foci.Errorf(foci.Invalid, "status %q: want %s, %s, %s or %sID", m.What, peer.AskNode, peer.AskMesh, peer.AskTxns, peer.AskTrace))
		return
	}
	b, err := json.Marshal(v)
	if err != nil {
		in.Fail(err)
		return
	}
	in.Reply(nil, b)
}
