package peer

import (
	"context"
	"encoding/json"
	"time"

	"github.com/foci-store/foci"
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
