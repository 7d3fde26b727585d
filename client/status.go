package client

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/status"
)

// NodeStatus is a node of the layout and what it says of itself.
type NodeStatus struct {
	ID    foci.NodeID `json:"id"`
	Name  string      `json:"name"`
	Up    bool        `json:"up"`
	Error string      `json:"error,omitempty"` // why it did not answer
	Addrs []string    `json:"addrs"`
	// Groups that its backends belong to, as the layout says.
	Groups []foci.Group `json:"groups"`
	Node   *NodeReport  `json:"node,omitempty"` // nil: it did not answer
}

// NodeReport is what a node says of itself.
type NodeReport struct {
	ID          foci.NodeID      `json:"id"`
	Name        string           `json:"name,omitempty"`
	Incarnation foci.Incarnation `json:"incarnation"`
	Role        foci.Role        `json:"role"`
	Epoch       foci.Epoch       `json:"epoch"`
	Uptime      time.Duration    `json:"uptime_ns"`
	Protocols   Protocols        `json:"protocols"` // that it speaks
	Addrs       []string         `json:"addrs"`
	Backends    []BackendReport  `json:"backends"`
	NotVoting   string           `json:"not_voting,omitempty"`   // why it answers no version queries and stores nothing; empty: it votes
	ClockOff    time.Duration    `json:"clock_off_ns,omitempty"` // while it does not vote: its clock minus the others'
}

// Protocols is a range of versions of the protocol. Zero is that of nodes that
// do not say: version 1 alone.
type Protocols struct {
	Min uint16 `json:"min"`
	Max uint16 `json:"max"`
}

// String is "1-2", or "2" for a single version.
func (p Protocols) String() string { return wire.Protocols(p).String() }

// BackendReport is what a node says of one of its backends.
type BackendReport struct {
	ID       foci.BackendID `json:"id"`
	Group    foci.Group     `json:"group"`
	Dir      string         `json:"dir"`
	Records  uint64         // transactions, of objects and chunks
	Objects  uint64         // objects and chunks that have at least one transaction
	Bytes    uint64         // of their payloads
	Segments int            // files of the log
	Queued   int            // records that wait for their fsync
	Hints    int            // objects, each with a group that may lack something of it
	Unhinted uint64         // hints refused because there were too many, since the start
	ReadOnly string         // why no writes are taken; empty: they are
	NotReady string         // why no questions are answered; empty: they are
}

// NodeStates asks every node of the layout about itself and yields each as soon
// as it has answered; one that does not is yielded with the reason.
func (c *Client) NodeStates(ctx context.Context) iter.Seq[NodeStatus] {
	return func(yield func(NodeStatus) bool) {
		snap := c.layout.Load()
		for i, p := range askAll[NodeReport](ctx, c, snap, status.AskNode) {
			if !yield(nodeStatus(snap, &snap.Nodes[i], &p)) {
				return
			}
		}
	}
}

// Nodes is what NodeStates yields, in the order of the layout.
func (c *Client) Nodes(ctx context.Context) ([]NodeStatus, error) {
	snap := c.layout.Load()
	all := make([]NodeStatus, len(snap.Nodes))
	for i, p := range askAll[NodeReport](ctx, c, snap, status.AskNode) {
		all[i] = nodeStatus(snap, &snap.Nodes[i], &p)
	}
	return all, ctx.Err()
}

func nodeStatus(snap *layout.Snapshot, n *layout.Node, p *ProcessStatus[NodeReport]) NodeStatus {
	s := NodeStatus{ID: p.ID, Name: p.Name, Up: p.Is != nil, Error: p.Error, Node: p.Is}
	for _, a := range n.Addrs {
		s.Addrs = append(s.Addrs, a.String())
	}
	for _, b := range snap.BackendsOf(n.ID) {
		s.Groups = append(s.Groups, b.Group)
	}
	return s
}

// ProcessStatus is what one process says of itself; Self is this client.
type ProcessStatus[T any] struct {
	ID    foci.NodeID `json:"id"`
	Name  string      `json:"name"`
	Self  bool        `json:"self,omitempty"`
	Error string      `json:"error,omitempty"` // why it did not answer
	Is    *T          `json:"is,omitempty"`    // nil: it did not answer
}

// Mesh asks every node, and this client itself, about its links and channels.
func (c *Client) Mesh(ctx context.Context) ([]ProcessStatus[MeshStatus], error) {
	return processes[MeshStatus](ctx, c, status.AskMesh, c.peer.Mesh())
}

// Txns asks every node, and this client itself, about its pending transactions.
func (c *Client) Txns(ctx context.Context) ([]ProcessStatus[TxnStatus], error) {
	return processes[TxnStatus](ctx, c, status.AskTxns, c.peer.Txns())
}

// processes is what this client says of itself, and then what the nodes answer,
// in the order of the layout.
func processes[T any](ctx context.Context, c *Client, what string, own any) ([]ProcessStatus[T], error) {
	snap := c.layout.Load()
	all := make([]ProcessStatus[T], 1+len(snap.Nodes))
	is, err := told[T](own)
	if err != nil {
		return nil, err
	}
	all[0] = ProcessStatus[T]{Name: "this client", Self: true, Is: is}
	for i, p := range askAll[T](ctx, c, snap, what) {
		all[1+i] = p
	}
	return all, ctx.Err()
}

// told is what this process says of itself, by way of the encoding in which nodes
// say it: what callers see has types of this package alone.
func told[T any](own any) (*T, error) {
	b, err := json.Marshal(own)
	if err != nil {
		return nil, err
	}
	is := new(T)
	return is, json.Unmarshal(b, is)
}

// askAll asks all nodes of the layout at the same time. It yields each node's
// place in the layout and its answer, as they come.
func askAll[T any](ctx context.Context, c *Client, snap *layout.Snapshot, what string) iter.Seq2[int, ProcessStatus[T]] {
	return func(yield func(int, ProcessStatus[T]) bool) {
		ctx, enough := context.WithCancel(ctx)
		defer enough()
		type answer struct {
			node int
			ProcessStatus[T]
		}
		answers := make(chan answer, len(snap.Nodes))
		for i := range snap.Nodes {
			n := &snap.Nodes[i]
			go func() {
				p := ProcessStatus[T]{ID: n.ID, Name: n.Name, Is: new(T)}
				if err := c.peer.Ask(ctx, n.ID, what, p.Is); err != nil {
					p.Error, p.Is = err.Error(), nil
				}
				answers <- answer{i, p}
			}()
		}
		for range snap.Nodes {
			if a := <-answers; !yield(a.node, a.ProcessStatus) {
				return
			}
		}
	}
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
		k.ToldBy, k.Via = nameIn(snap, r.From), nameIn(snap, c.peer.Paths().Relay(r.Node))
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
