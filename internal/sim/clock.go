package sim

import (
	"time"

	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/core/wire"
)

// pingBound is the uncertainty of a peer's clock as measured by pings.
const pingBound = 10 * time.Millisecond

// astray returns an error if the node must not vote because its clock differs from
// those of most owners. It compares the owners that it has channels to. In most runs
// clocks are not watched, so that nodes with wrong clocks vote.
func (n *node) astray(m codec.Message) error {
	switch m.(type) {
	case *wire.Query, *wire.Have, *wire.Store:
	default:
		return nil
	}
	if !n.watches {
		return nil
	}
	var others []version.Offset
	owners := n.layouts[n.epoch]
	for _, o := range n.nodes {
		if o != n && owners.has(o.at) && n.proc.Link(o.at).IsUp() {
			others = append(others, version.Offset{By: time.Duration(o.wall() - n.wall()), Bound: pingBound})
		}
	}
	a, astray := version.Watch(others, len(owners))
	if !astray {
		return nil
	}
	n.Astray++
	return a.Err()
}
