package peer

import (
	"errors"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer/membership"
)

// MaxRemembered is the most addresses that are remembered from run to run.
const MaxRemembered = membership.MaxRemembered

type (
	// KnownRoute is what is known of a node, and the node that told it.
	KnownRoute = membership.KnownRoute
	// RouteCounters count what a process says about routes.
	RouteCounters = membership.RouteCounters
)

// Serve answers the questions that every member answers, about routes and
// certificates, and reports whether this was one. It does not block.
func (p *Peer) Serve(in *mesh.Incoming) bool {
	if in.Method == wire.MethodRenew {
		p.renewal.Serve(in)
		return true
	}
	return p.Members.Serve(in)
}

// GiveLayout answers with the layout that a member holds. It may take a while:
// a layout can be long.
func GiveLayout(in *mesh.Incoming, h *layout.Holder) { membership.ServeLayout(in, h) }

// StaleEpoch is the epoch of the node that refused a question because it was of
// an older layout; 0 when err says something else.
func StaleEpoch(err error) foci.Epoch {
	var answered *mesh.PeerError
	if errors.As(err, &answered) && foci.KindOf(err) == foci.StaleLayout {
		return answered.Epoch
	}
	return 0
}
