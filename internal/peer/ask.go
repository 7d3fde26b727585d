package peer

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// callTimeout bounds a request for the status of a node.
const callTimeout = 5 * time.Second

// Ask requests a status from a node and decodes the answer into v.
func (p *Peer) Ask(ctx context.Context, node foci.NodeID, what string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	q := wire.Ask{What: what}
	r, err := p.paths.Call(ctx, node, foci.State, wire.MethodStatus, q.Append(nil))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(r.Body, v); err != nil {
		return foci.Errorf(foci.Protocol, "node %s: its answer to %q: %w", node.Short(), what, err)
	}
	return nil
}

// StaleEpoch is the epoch of the node that refused a request because it was of an
// older layout; 0 if err is another error.
func StaleEpoch(err error) foci.Epoch {
	var answered *mesh.PeerError
	if errors.As(err, &answered) && foci.KindOf(err) == foci.StaleLayout {
		return answered.Epoch
	}
	return 0
}
