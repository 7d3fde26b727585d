package client

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/status"
)

type traceKey struct{}

// WithTrace returns a context whose operations have the given trace id. With
// [foci.TraceID.Note] all processes that take part in an operation record every step
// of it, for [Client.Trace].
func WithTrace(ctx context.Context, id foci.TraceID) context.Context {
	return context.WithValue(ctx, traceKey{}, id)
}

// traceOf is the trace id of a context; 0: it has none.
func traceOf(ctx context.Context) foci.TraceID {
	id, _ := ctx.Value(traceKey{}).(foci.TraceID)
	return id
}

// TraceStep is one step of an operation.
type TraceStep struct {
	Trace foci.TraceID `json:"trace"`
	At    time.Time    `json:"at"` // by the clock of the process
	What  string       `json:"what"`
	Node  foci.NodeID  `json:"node,omitzero"` // zero: this client
	Name  string       `json:"name"`
}

// Trace returns the steps of an operation that this client and every node have
// recorded, in the order of their clocks. Each process remembers its last 4,096 steps
// of all operations. If a node does not answer, Trace returns the steps of the others
// and an error that names the node.
func (c *Client) Trace(ctx context.Context, id foci.TraceID) ([]TraceStep, error) {
	nodes, err := processes[[]TraceStep](ctx, c, status.AskTrace+id.String(), c.peer.Trace(id))
	if err != nil {
		return nil, err
	}
	nodes[0].Name = "client"
	var all []TraceStep
	for _, t := range nodes {
		if t.Is == nil {
			err = foci.Errorf(foci.Unreachable, "node %s cannot be asked: %s", t.Name, t.Error)
			continue
		}
		for _, s := range *t.Is {
			s.Node, s.Name = t.ID, t.Name
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b TraceStep) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	return all, err
}

// TxnStatus are the transactions of a process: those pending, and counters.
type TxnStatus struct {
	Counters TxnCounters  `json:"counters"`
	Pending  []PendingTxn `json:"pending"` // the oldest ones
	More     int          `json:"more"`    // pending ones that are not shown
	Bytes    int64        `json:"bytes"`   // of payload held by pending ones
	Hints    int          `json:"hints"`   // pending hints of a node (hinted handoff)
}

// TxnCounters count events of a process's transactions, since its start.
type TxnCounters struct {
	Submitted   uint64 `json:"submitted"`
	Refused     uint64 `json:"refused"`     // because too many were pending
	Transmitted uint64 `json:"transmitted"` // requests, the resent ones included
	Asked       uint64 `json:"asked"`       // queries, before a body is resent, whether it has arrived
	Resent      uint64 `json:"resent"`      // attempts after the first
	Stalls      uint64 `json:"stalls"`
	Backoffs    uint64 `json:"backoffs"` // waits after Busy and the like
	Parked      uint64 `json:"parked"`   // because the peer was unreachable
	Unparked    uint64 `json:"unparked"` // sent because the peer was reachable again
	Done        uint64 `json:"done"`
	Failed      uint64 `json:"failed"`
	Expired     uint64 `json:"expired"` // of the failed: by deadline
	Late        uint64 `json:"late"`    // answers after the end of their transaction
}

// PendingTxn is a pending leg: the request of a transaction or query to one replica.
type PendingTxn struct {
	Leg      uint64        `json:"leg"`
	Peer     foci.NodeID   `json:"peer"`
	Via      foci.NodeID   `json:"via"` // zero: the path is direct
	Class    foci.Class    `json:"class"`
	Table    foci.Table    `json:"table"` // of the last attempt that was sent
	State    string        `json:"state"`
	Mutation bool          `json:"mutation"`
	Size     int64         `json:"size"`
	Age      time.Duration `json:"age"`
	Attempts int           `json:"attempts"`
	Left     int           `json:"left"`  // remaining resends
	Trace    foci.TraceID  `json:"trace"` // for [Client.Trace]
}
