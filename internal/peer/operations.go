package peer

import (
	"context"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	core "github.com/foci-store/foci/internal/core/operation"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer/membership"
	"github.com/foci-store/foci/internal/peer/operation"
	"github.com/foci-store/foci/internal/peer/path"
	"github.com/foci-store/foci/internal/status"
)

// Run starts an operation: see [operation.Runner.Run].
func (p *Peer) Run(m quorum.Machine, op operation.Op) (giveUp func()) { return p.ops.Run(m, op) }

// Admit makes room for an operation: see [operation.Runner.Admit].
func (p *Peer) Admit(bytes int64) (release func(), err error) { return p.ops.Admit(bytes) }

// Txns describes this process's pending legs, the oldest first.
func (p *Peer) Txns() status.Txns {
	s := p.ops.Status()
	for _, b := range p.Status().Backends {
		s.Hints += b.Hints
	}
	return s
}

// Trace is the steps of an operation that this process remembers.
func (p *Peer) Trace(id foci.TraceID) []status.Step { return p.traces.Of(id) }

// planner plans operations by the layout.
type planner struct{ *Peer }

// Route finds the node of a leg's target, and the path to it; it is called under the
// lock of operations.
func (p planner) Route(t txn.Target) (txn.Hop, error) {
	l := p.Layout()
	if l == nil {
		return txn.Hop{}, membership.NoLayout()
	}
	if !t.Backend.IsZero() {
		b := l.Backend(t.Backend)
		if b == nil {
			return txn.Hop{}, foci.Errorf(foci.NoRoute, "backend %v is not in the layout of epoch %d", t.Backend, l.Epoch)
		}
		return p.hop(b.Node)
	}
	_, node, ok := l.Owner(t.Group, t.ID)
	if !ok {
		return txn.Hop{}, foci.Errorf(foci.NoRoute, "group %d is not in the layout of epoch %d", t.Group, l.Epoch)
	}
	return p.hop(node)
}

// hop is the present path to a node.
func (p planner) hop(node foci.NodeID) (txn.Hop, error) {
	to, err := p.paths.Find(node, foci.Reg)
	return txn.Hop{Peer: to.Node, Via: to.Relay}, err
}

// Nearest is the groups of an object, nearest first.
func (p planner) Nearest(s *layout.Snapshot, bucket string, id foci.ID) []foci.Group {
	groups, _ := p.nearest(s, bucket, id)
	return groups
}

// Need lets an operation wait for a newer layout.
func (p planner) Need(epoch foci.Epoch, until time.Duration, tell func(*layout.Snapshot)) {
	p.NeedLayout(epoch, until, tell)
}

// carrier carries attempts over the links of this process.
type carrier struct{ *Peer }

// Send gives a request to the link that the path of an attempt begins with.
func (p carrier) Send(a *core.Attempt, q *mesh.Request) error {
	first := a.Peer
	switch {
	case q.Finished(): // canceled: its body may be in use for something else
		return nil
	case a.Peer == p.cfg.Mesh.Node:
		return p.mesh.Local(q)
	case !a.Relay.IsZero():
		first = a.Relay
		path.Wrap(a.Peer, q)
	}
	if link := p.paths.Link(first); link != nil {
		return link.Send(q)
	}
	return errNoLink
}

var errNoLink = foci.Errorf(foci.NoRoute, "no channel to the node")

// Delivered judges what became of an attempt that went through a relay.
func (p carrier) Delivered(relay, node foci.NodeID, d *txn.Delivery) {
	p.paths.Delivered(relay, node, d)
}

// WhyDown is why no channel to a node is open.
func (p carrier) WhyDown(node foci.NodeID) error {
	if link := p.paths.Link(node); link != nil && !link.Up() {
		return link.LastErr()
	}
	return nil
}

// Observe records how long a node took to answer.
func (p carrier) Observe(node foci.NodeID, took time.Duration) {
	p.paths.Observe(node, took)
}

// Inquire asks one question to the owner of an id, with all that the transaction
// machine does about stalls and lost channels. done is called once: with the
// answer, with an error when patience is over, or at once when neither a
// channel nor a relay leads to the owner. Inquire does not wait.
func (p *Peer) Inquire(q *wire.Query, class foci.Class, patience time.Duration, done func(quorum.Answer)) {
	if s := p.Layout(); s != nil {
		_, node, _ := s.Owner(q.Group, q.ID)
		if !p.paths.IsUp(node) && p.paths.Relay(node).IsZero() {
			done(quorum.Answer{Err: errNoLink})
			return
		}
	}
	p.ops.Ask(q, class, p.Now()+patience, done)
}

// Call asks one question to one target and waits for the answer, with all that
// the transaction machine does about stalls and lost channels.
func (p *Peer) Call(ctx context.Context, m codec.Message, class foci.Class, deadline time.Duration) (codec.Message, []byte, error) {
	a := p.ops.Call(ctx, m, class, deadline)
	return a.Msg, a.Body, p.named(a.Node, a.Err)
}
