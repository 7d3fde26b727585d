package peer

import (
	"context"
	"io"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/peer/operation"
	"github.com/foci-store/foci/internal/peer/path"
)

type (
	// Op describes an operation to run.
	Op = operation.Op
	// Payload is the content of one record while it may be sent.
	Payload = operation.Payload
)

// NewPayload makes a payload in memory: see [operation.NewPayload].
func NewPayload(free func()) *Payload { return operation.NewPayload(free) }

// RereadPayload makes a payload that is read for each attempt: see
// [operation.RereadPayload].
func RereadPayload(r io.ReaderAt, size int64, free func()) *Payload {
	return operation.RereadPayload(r, size, free)
}

// Run starts an operation: see [operation.Runner.Run].
func (p *Peer) Run(m quorum.Machine, op Op) (giveUp func()) { return p.ops.Run(m, op) }

// Admit makes room for an operation: see [operation.Runner.Admit].
func (p *Peer) Admit(bytes int64) (release func(), err error) { return p.ops.Admit(bytes) }

// Inquire sends a version query to the owner of an id; the transaction machine resends
// it after stalls and lost channels. done is called once: with the answer, with an
// error after patience, or at once if there is neither a channel nor a relay to the
// owner. Inquire does not wait.
func (p *Peer) Inquire(q *wire.Query, class foci.Class, patience time.Duration, done func(quorum.Answer)) {
	if s := p.Layout(); s != nil {
		_, node, _ := s.Owner(q.Group, q.ID)
		if !p.paths.IsUp(node) && p.paths.Relay(node).IsZero() {
			done(quorum.Answer{Err: path.ErrNoLink})
			return
		}
	}
	p.ops.Ask(q, class, p.Now()+patience, done)
}

// Call sends a request to one target and waits for the answer; the transaction machine
// resends it after stalls and lost channels.
func (p *Peer) Call(ctx context.Context, m codec.Message, class foci.Class, deadline time.Duration) (codec.Message, []byte, error) {
	a := p.ops.Call(ctx, m, class, deadline)
	return a.Msg, a.Body, p.named(a.Node, a.Err)
}

// named adds the node's name to the error of a leg, beside its id.
func (p *Peer) named(node foci.NodeID, err error) error {
	e, ok := err.(*foci.Error)
	l := p.Layout()
	if !ok || l == nil || e.Where != "node "+node.Short() || l.NodeName(node) == "" {
		return err
	}
	more := *e
	more.Where = "node " + l.NodeName(node) + " (" + node.Short() + ")"
	return &more
}
