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

// NodeStatus is a node of the layout and its report.
type NodeStatus struct {
	ID    foci.NodeID `json:"id"`
	Name  string      `json:"name"`
	Up    bool        `json:"up"`
	Error string      `json:"error,omitempty"` // why there is no report
	Addrs []string    `json:"addrs"`
	// Groups are the groups of its backends in the layout.
	Groups []foci.Group `json:"groups"`
	Node   *NodeReport  `json:"node,omitempty"` // nil: the node did not answer
}

// NodeReport is the state of a node, as the node reports it.
type NodeReport struct {
	ID          foci.NodeID      `json:"id"`
	Name        string           `json:"name,omitempty"`
	Incarnation foci.Incarnation `json:"incarnation"`
	Role        foci.Role        `json:"role"`
	Epoch       foci.Epoch       `json:"epoch"`
	Uptime      time.Duration    `json:"uptime_ns"`
	Protocols   Protocols        `json:"protocols"` // supported versions
	Addrs       []string         `json:"addrs"`
	Backends    []BackendReport  `json:"backends"`
	NotVoting   string           `json:"not_voting,omitempty"`   // why the node answers no version queries and stores nothing; empty: it does
	ClockOff    time.Duration    `json:"clock_off_ns,omitempty"` // while it does not vote: its clock minus the other nodes' clocks
}

// Protocols is a range of versions of the protocol. The zero value, of nodes that
// report none, means version 1.
type Protocols struct {
	Min uint16 `json:"min"`
	Max uint16 `json:"max"`
}

// String is "1-2", or "2" for a single version.
func (p Protocols) String() string { return wire.Protocols(p).String() }

// BackendReport is the state of one backend, as its node reports it.
type BackendReport struct {
	ID       foci.BackendID `json:"id"`
	Group    foci.Group     `json:"group"`
	Dir      string         `json:"dir"`
	Records  uint64         // transactions, of objects and chunks
	Objects  uint64         // objects and chunks that have at least one transaction
	Bytes    uint64         // of the payloads of objects and chunks
	Segments int            // files of the log
	Queued   int            // records that wait for their fsync
	Hints    int            // pending hints (hinted handoff): pairs of object and group
	Unhinted uint64         // hints refused because there were too many, since the start
	ReadOnly string         // why writes are refused; empty: they are not
	NotReady string         // why requests are refused; empty: they are not
}

// NodeStates asks every node of the layout for its report and yields each node when it
// has answered. A node that does not answer is yielded with Error set.
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

// Nodes returns what NodeStates yields, in the order of the layout.
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

// ProcessStatus is a report of one process.
type ProcessStatus[T any] struct {
	ID    foci.NodeID `json:"id"`
	Name  string      `json:"name"`
	Self  bool        `json:"self,omitempty"`  // the process is this client
	Error string      `json:"error,omitempty"` // why there is no report
	Is    *T          `json:"is,omitempty"`    // the report; nil: the process did not answer
}

// Mesh reports the links and channels of this client and of every node.
func (c *Client) Mesh(ctx context.Context) ([]ProcessStatus[MeshStatus], error) {
	return processes[MeshStatus](ctx, c, status.AskMesh, c.peer.Mesh())
}

// Txns reports the pending transactions of this client and of every node.
func (c *Client) Txns(ctx context.Context) ([]ProcessStatus[TxnStatus], error) {
	return processes[TxnStatus](ctx, c, status.AskTxns, c.peer.Txns())
}

// processes returns the report of this client and then those of the nodes, in the
// order of the layout.
func processes[T any](ctx context.Context, c *Client, what string, own any) ([]ProcessStatus[T], error) {
	snap := c.layout.Load()
	all := make([]ProcessStatus[T], 1+len(snap.Nodes))
	is, err := recode[T](own)
	if err != nil {
		return nil, err
	}
	all[0] = ProcessStatus[T]{Name: "this client", Self: true, Is: is}
	for i, p := range askAll[T](ctx, c, snap, what) {
		all[1+i] = p
	}
	return all, ctx.Err()
}

// recode converts a report of this process to a type of this package, through the JSON
// that nodes send.
func recode[T any](own any) (*T, error) {
	b, err := json.Marshal(own)
	if err != nil {
		return nil, err
	}
	is := new(T)
	return is, json.Unmarshal(b, is)
}

// askAll asks all nodes of the layout in parallel. It yields each answer, with the
// node's index in the layout, when it arrives.
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

// Route is a node's entry in the route table of this client.
type Route struct {
	ID          foci.NodeID      `json:"id"`
	Name        string           `json:"name"`
	Incarnation foci.Incarnation `json:"incarnation"`
	Role        foci.Role        `json:"role"`
	// ToldBy is the node that sent the entry; empty: it is from the layout.
	ToldBy string `json:"told_by,omitempty"`
	// Via is the relay that requests to the node would take now; empty: the path is
	// direct, or there is none.
	Via   string      `json:"via,omitempty"`
	Addrs []RouteAddr `json:"addrs"`
}

// RouteAddr is one address of a node.
type RouteAddr struct {
	Addr  string     `json:"addr"`
	Table foci.Table `json:"table"`
	Used  bool       `json:"used"` // a channel of this client is open to it
}

// Routes returns the route table of this client.
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

// nameIn is the name of a node in the layout; empty: the layout does not have it.
func nameIn(snap *layout.Snapshot, id foci.NodeID) string {
	if n := snap.Node(id); n != nil {
		return n.Name
	}
	if id.IsZero() {
		return ""
	}
	return id.Short()
}
