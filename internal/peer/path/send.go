package path

import (
	"context"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/operation"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// ErrNoLink is the error of a request to a node without a link.
var ErrNoLink = foci.Errorf(foci.NoRoute, "no channel to the node")

// Send gives a request to the link that the path of an attempt begins with, or to
// this process itself. It returns as [mesh.Link.Send] does.
func (p *Paths) Send(a *operation.Attempt, q *mesh.Request) error {
	first := a.Peer
	switch {
	case q.Finished(): // canceled: the caller may have reused its body
		return nil
	case a.Peer == p.cfg.Self:
		return p.cfg.Local(q)
	case !a.Relay.IsZero():
		first = a.Relay
		f := wire.Forward{Node: a.Peer, Method: q.Method, Class: q.Class, Head: q.Head}
		q.Method, q.Head = wire.MethodForward, f.Append(make([]byte, 0, len(q.Head)+64))
	}
	if l := p.Link(first); l != nil {
		return l.Send(q)
	}
	return ErrNoLink
}

// Call asks a node, directly or through a relay, and waits for the answer.
func (p *Paths) Call(ctx context.Context, node foci.NodeID, class foci.Class, method wire.Method, head []byte) (*mesh.Reply, error) {
	to, err := p.Find(node, class)
	if to.Relay.IsZero() {
		l := p.Link(node)
		switch {
		case l != nil:
			return l.Call(ctx, class, method, head, nil) // its error says why it is down
		case err == nil:
			err = ErrNoLink
		}
		return nil, err
	}
	l := p.Link(to.Relay)
	if l == nil {
		return nil, ErrNoLink // it was removed a moment ago
	}
	f := wire.Forward{Node: node, Method: method, Class: class, Head: head}
	r, err := l.Call(ctx, class, wire.MethodForward, f.Append(nil), nil)
	return r, p.Relayed(to.Relay, node, err).Err
}

// WhyDown returns why no channel to a node is open; nil if one is open or there is no
// link.
func (p *Paths) WhyDown(node foci.NodeID) error {
	if l := p.Link(node); l != nil && !l.Up() {
		return l.LastErr()
	}
	return nil
}
