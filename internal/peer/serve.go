package peer

import (
	"errors"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh"
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

// StaleEpoch is the epoch of the node that refused a question because it was of
// an older layout; 0 when err says something else.
func StaleEpoch(err error) foci.Epoch {
	var answered *mesh.PeerError
	if errors.As(err, &answered) && foci.KindOf(err) == foci.StaleLayout {
		return answered.Epoch
	}
	return 0
}
