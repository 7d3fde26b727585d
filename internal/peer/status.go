package peer

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/status"
)

// callTimeout is how long a node may take to answer a question about itself.
const callTimeout = 5 * time.Second

// Status describes this process.
func (p *Peer) Status() status.Node {
	s := status.Node{
		ID: p.cfg.Mesh.Node, Incarnation: p.cfg.Mesh.Incarnation, Role: p.cfg.Mesh.Role, Epoch: p.cfg.Layout.Epoch(),
		Uptime: p.Now(), Protocols: wire.Spoken(), Backends: []status.Backend{},
	}
	for _, a := range p.cfg.Addresses {
		s.Addrs = append(s.Addrs, a.String())
	}
	if l := p.Layout(); l != nil {
		s.Name = l.NodeName(s.ID)
	}
	if p.cfg.Describe != nil {
		p.cfg.Describe(&s)
	}
	return s
}

// Mesh describes this process's links and channels.
func (p *Peer) Mesh() mesh.Stats { return p.mesh.Stats() }

// maxShown bounds what is shown of pending legs.
const maxShown = 1000

// Txns describes this process's pending legs, the oldest first.
func (p *Peer) Txns() status.Txns {
	p.mu.Lock()
	s := status.Txns{Counters: p.txns.Counters(), Bytes: p.txns.Bytes()}
	for t := range p.txns.Pending(p.now()) {
		s.Pending = append(s.Pending, status.PendingLeg{Status: t, Trace: t.Ref.(*leg).trace})
	}
	p.mu.Unlock()
	slices.SortFunc(s.Pending, func(a, b status.PendingLeg) int { return int(b.Age - a.Age) })
	if s.More = len(s.Pending) - maxShown; s.More > 0 {
		s.Pending = s.Pending[:maxShown]
	}
	s.More = max(s.More, 0)
	for _, b := range p.Status().Backends {
		s.Hints += b.Hints
	}
	return s
}

// Ask asks a node about itself and decodes the answer into v.
func (p *Peer) Ask(ctx context.Context, node foci.NodeID, what string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	q := wire.Ask{What: what}
	r, err := p.ask(ctx, node, wire.MethodStatus, q.Append(nil))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(r.Body, v); err != nil {
		return foci.Errorf(foci.Protocol, "node %s: its answer to %q: %w", node.Short(), what, err)
	}
	return nil
}

// ask asks a node directly, or by who can pass the question on.
func (p *Peer) ask(ctx context.Context, node foci.NodeID, method wire.Method, head []byte) (*mesh.Reply, error) {
	to, err := p.paths.Find(node, foci.State)
	if to.Relay.IsZero() {
		k := p.paths.Link(node)
		switch {
		case k != nil:
			return k.Call(ctx, foci.State, method, head, nil) // it says itself that it is down
		case err == nil:
			err = errNoLink
		}
		return nil, err
	}
	l := p.paths.Link(to.Relay)
	if l == nil {
		return nil, errNoLink // it was removed a moment ago
	}
	f := wire.Forward{Node: node, Method: method, Class: foci.State, Head: head}
	r, err := l.Call(ctx, foci.State, wire.MethodForward, f.Append(nil), nil)
	return r, p.paths.Relayed(to.Relay, node, err).Err
}

// Inquire asks one question to the owner of an id, with all that the transaction
// machine does about stalls and lost channels. done is called once: with the
// answer, with an error when patience is over, or at once when neither a
// channel nor a relay leads to the owner. Inquire does not wait.
func (p *Peer) Inquire(m codec.Message, class foci.Class, patience time.Duration, done func(quorum.Answer)) {
	t := target(m)
	if s := p.Layout(); s != nil {
		_, node, _ := s.Owner(t.Group, t.ID)
		if !p.paths.IsUp(node) && p.paths.Relay(node).IsZero() {
			done(quorum.Answer{Err: errNoLink})
			return
		}
	}
	l := newLeg(m, class)
	l.done = done
	p.submit([]submission{{deadline: p.Now() + patience, leg: l}})
}

// Call asks one question to one target and waits for the answer, with all that
// the transaction machine does about stalls and lost channels.
func (p *Peer) Call(ctx context.Context, m codec.Message, class foci.Class, deadline time.Duration) (codec.Message, []byte, error) {
	done := make(chan quorum.Answer, 1)
	l := newLeg(m, class)
	l.done = func(a quorum.Answer) { done <- a }
	p.submit([]submission{{deadline: deadline, leg: l}})
	select {
	case a := <-done:
		return a.Msg, a.Body, p.named(a.Node, a.Err)
	case <-ctx.Done():
	}
	p.step(func(out []txn.Effect, now time.Duration) []txn.Effect {
		if ctx.Err() == context.DeadlineExceeded {
			return p.txns.Expire(out, now, l.id)
		}
		return p.txns.Cancel(out, now, l.id)
	})
	a := <-done
	return a.Msg, a.Body, p.named(a.Node, a.Err)
}

// named gives the error of a leg to a node the node's name, beside its id.
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
