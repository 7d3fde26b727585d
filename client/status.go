package client

import (
	"context"
	"sync"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer"
)

// NodeStatus is a node of the layout and what it says of itself.
type NodeStatus struct {
	ID    foci.NodeID `json:"id"`
	Name  string      `json:"name"`
	Up    bool        `json:"up"`
	Error string      `json:"error,omitempty"` // why it did not answer
	Addrs []string    `json:"addrs"`
	// Groups that its backends belong to, as the layout says.
	Groups []foci.Group     `json:"groups"`
	Node   *peer.NodeStatus `json:"node,omitempty"`
}

// Nodes asks every node of the layout about itself. One that does not answer is
// in the list, with the reason.
func (c *Client) Nodes(ctx context.Context) ([]NodeStatus, error) {
	return askAll(ctx, c, func(ctx context.Context, s *NodeStatus) error {
		s.Node = new(peer.NodeStatus)
		return c.peer.Ask(ctx, s.ID, peer.AskNode, s.Node)
	}, func(s *NodeStatus, n *layout.Node, snap *layout.Snapshot) *NodeStatus {
		s.ID, s.Name = n.ID, n.Name
		for _, a := range n.Addrs {
			s.Addrs = append(s.Addrs, a.String())
		}
		for _, b := range snap.BackendsOf(n.ID) {
			s.Groups = append(s.Groups, b.Group)
		}
		return s
	}, func(s *NodeStatus, err error) {
		if s.Up = err == nil; err != nil {
			s.Error, s.Node = err.Error(), nil
		}
	})
}

// ProcessStatus is what one process says of its links or transactions; Self is
// this client.
type ProcessStatus[T any] struct {
	ID    foci.NodeID `json:"id"`
	Name  string      `json:"name"`
	Self  bool        `json:"self,omitempty"`
	Error string      `json:"error,omitempty"`
	Is    *T          `json:"is,omitempty"`
}

// Mesh asks every node, and this client itself, about its links and channels.
func (c *Client) Mesh(ctx context.Context) ([]ProcessStatus[mesh.Stats], error) {
	own := c.peer.Mesh()
	return processes(ctx, c, peer.AskMesh, &own)
}

// Txns asks every node, and this client itself, about its pending transactions.
func (c *Client) Txns(ctx context.Context) ([]ProcessStatus[peer.TxnStatus], error) {
	own := c.peer.Txns()
	return processes(ctx, c, peer.AskTxns, &own)
}

func processes[T any](ctx context.Context, c *Client, what string, own *T) ([]ProcessStatus[T], error) {
	all, err := askAll(ctx, c, func(ctx context.Context, s *ProcessStatus[T]) error {
		s.Is = new(T)
		return c.peer.Ask(ctx, s.ID, what, s.Is)
	}, func(s *ProcessStatus[T], n *layout.Node, _ *layout.Snapshot) *ProcessStatus[T] {
		s.ID, s.Name = n.ID, n.Name
		return s
	}, func(s *ProcessStatus[T], err error) {
		if err != nil {
			s.Error, s.Is = err.Error(), nil
		}
	})
	return append([]ProcessStatus[T]{{Name: "this client", Self: true, Is: own}}, all...), err
}

// askAll asks all nodes of the layout at the same time.
func askAll[T any](ctx context.Context, c *Client, ask func(context.Context, *T) error,
	describe func(*T, *layout.Node, *layout.Snapshot) *T, judge func(*T, error),
) ([]T, error) {
	snap := c.layout.Load()
	all := make([]T, len(snap.Nodes))
	var wg sync.WaitGroup
	for i := range snap.Nodes {
		s := describe(&all[i], &snap.Nodes[i], snap)
		wg.Go(func() { judge(s, ask(ctx, s)) })
	}
	wg.Wait()
	return all, ctx.Err()
}

// Route is a node's addresses and which of them this client uses.
type Route struct {
	ID          foci.NodeID      `json:"id"`
	Name        string           `json:"name"`
	Incarnation foci.Incarnation `json:"incarnation"`
	Role        foci.Role        `json:"role"`
	// ToldBy is the node that told this; empty when the layout says it.
	ToldBy string `json:"told_by,omitempty"`
	// Via is the node that requests would be forwarded by now; empty when they
	// would go directly, or not at all.
	Via   string      `json:"via,omitempty"`
	Addrs []RouteAddr `json:"addrs"`
}

// RouteAddr is one address of a node.
type RouteAddr struct {
	Addr  string     `json:"addr"`
	Table foci.Table `json:"table"`
	Used  bool       `json:"used"` // a channel of this client is open to it
}

// Routes lists what this client knows of the nodes and their addresses.
func (c *Client) Routes() []Route {
	snap := c.layout.Load()
	var out []Route
	for _, r := range c.peer.Known() {
		k := Route{ID: r.Node, Incarnation: r.Incarnation, Role: r.Role}
		if n := snap.Node(r.Node); n != nil {
			k.Name = n.Name
		}
		k.ToldBy, k.Via = nameIn(snap, r.From), nameIn(snap, c.peer.Via(r.Node))
		used := c.peer.At(r.Node)
		for _, text := range r.Addrs {
			if a, err := route.ParseAddress(text); err == nil {
				k.Addrs = append(k.Addrs, RouteAddr{Addr: text, Table: a.Table, Used: a.HostPort() == used})
			}
		}
		out = append(out, k)
	}
	return out
}

// nameIn is what the layout calls a node; "" for none.
func nameIn(snap *layout.Snapshot, id foci.NodeID) string {
	if n := snap.Node(id); n != nil {
		return n.Name
	}
	if id.IsZero() {
		return ""
	}
	return id.Short()
}
