package client

import (
	"cmp"
	"context"
	"slices"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer"
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
	peer.Step
	Node foci.NodeID `json:"node,omitzero"` // zero: this client
	Name string      `json:"name"`
}

// Trace asks every node, and this client, for what they have noted of an
// operation, in the order of time. Each remembers its last 4,096 steps, of all
// traces. Nodes that do not answer are left out and named in the error.
func (c *Client) Trace(ctx context.Context, id foci.TraceID) ([]TraceStep, error) {
	var all []TraceStep
	for _, s := range c.peer.Traces().Of(id) {
		all = append(all, TraceStep{Step: s, Name: "client"})
	}
	type told struct {
		ProcessStatus[[]peer.Step]
	}
	nodes, err := askAll(ctx, c, func(ctx context.Context, t *told) error {
		t.Is = new([]peer.Step)
		return c.peer.Ask(ctx, t.ID, peer.AskTrace+id.String(), t.Is)
	}, func(t *told, n *layout.Node, _ *layout.Snapshot) *told {
		t.ID, t.Name = n.ID, n.Name
		return t
	}, func(t *told, err error) {
		if err != nil {
			t.Error, t.Is = err.Error(), nil
		}
	})
	if err != nil {
		return nil, err
	}
	for _, t := range nodes {
		if t.Is == nil {
			err = foci.Errorf(foci.Unreachable, "node %s cannot be asked: %s", t.Name, t.Error)
			continue
		}
		for _, s := range *t.Is {
			all = append(all, TraceStep{Step: s, Node: t.ID, Name: t.Name})
		}
	}
	slices.SortStableFunc(all, func(a, b TraceStep) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	return all, err
}
