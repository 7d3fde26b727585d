package peer

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/peer/membership"
	"github.com/foci-store/foci/internal/status"
)

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

// Txns describes this process's pending legs, the oldest first.
func (p *Peer) Txns() status.Txns {
	s := p.ops.Status()
	for _, b := range p.Status().Backends {
		s.Hints += b.Hints
	}
	return s
}

// Trace returns the steps of an operation that this process has recorded.
func (p *Peer) Trace(id foci.TraceID) []status.Step { return p.traces.Of(id) }

// MaxRemembered is the most addresses that are remembered from run to run.
const MaxRemembered = membership.MaxRemembered

type (
	// KnownRoute is the known route of a node, and the node that sent it.
	KnownRoute = membership.KnownRoute
	// RouteCounters count a process's messages about routes.
	RouteCounters = membership.RouteCounters
)
