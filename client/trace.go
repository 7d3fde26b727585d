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

// WithTrace makes a context whose operations have this trace. With [foci.TraceID.Note]
// everybody who has a part in them notes every step, and [Client.Trace] gathers
// these.
func WithTrace(ctx context.Context, id foci.TraceID) context.Context {
	return context.WithValue(ctx, traceKey{}, id)
}

// traceOf is the trace of a context, 0 when it has none.
func traceOf(ctx context.Context) foci.TraceID {
	id, _ := ctx.Value(traceKey{}).(foci.TraceID)
	return id
}

// TraceStep is one step of an operation. Steps of different processes are in
// order as far as their clocks agree.
type TraceStep struct {
	Trace foci.TraceID `json:"trace"`
	At    time.Time    `json:"at"` // by the clock of the process
	What  string       `json:"what"`
	Node  foci.NodeID  `json:"node,omitzero"` // zero: this client
	Name  string       `json:"name"`
}

// Trace asks every node, and this client, for what they have noted of an
// operation, in the order of time. Each remembers its last 4,096 steps, of all
// traces. Nodes that do not answer are left out and named in the error.
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

// TxnStatus is what is pending in a process and what happened so far.
type TxnStatus struct {
	Counters TxnCounters  `json:"counters"`
	Pending  []PendingTxn `json:"pending"` // the oldest ones
	More     int          `json:"more"`    // pending ones that are not shown
	Bytes    int64        `json:"bytes"`   // of payload that pending ones hold
	Hints    int          `json:"hints"`   // of a node: objects of which another group may have missed a change
}

// TxnCounters count what became of a process's transactions, since its start.
type TxnCounters struct {
	Submitted   uint64 `json:"submitted"`
	Refused     uint64 `json:"refused"`     // because too many were pending
	Transmitted uint64 `json:"transmitted"` // requests, the resent ones included
	Asked       uint64 `json:"asked"`       // before a body was sent again: whether it had arrived
	Resent      uint64 `json:"resent"`      // attempts after the first
	Stalls      uint64 `json:"stalls"`
	Backoffs    uint64 `json:"backoffs"` // waits after Busy and the like
	Parked      uint64 `json:"parked"`   // because the peer was unreachable
	Unparked    uint64 `json:"unparked"` // sent because the peer was reachable again
	Done        uint64 `json:"done"`
	Failed      uint64 `json:"failed"`
	Expired     uint64 `json:"expired"` // of the failed: by deadline
	Late        uint64 `json:"late"`    // answers that nothing waited for
}

// PendingTxn is a transaction, or a question, on its way to one replica.
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
	Left     int           `json:"left"`  // resends
	Trace    foci.TraceID  `json:"trace"` // what [Client.Trace] knows it by
}
