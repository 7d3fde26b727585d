package peer

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/operation"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/peer/path"
)

// carrier carries attempts over the links of this process.
type carrier struct{ *Peer }

// Send gives a request to the link that the path of an attempt begins with.
func (p carrier) Send(a *operation.Attempt, q *mesh.Request) error {
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
