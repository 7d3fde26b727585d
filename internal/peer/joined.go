package peer

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/device/mesh"
)

// joined is what membership changes of links and paths.
type joined struct{ p *Peer }

func (j joined) Add(l *mesh.Link) { j.p.links.add(l) }

func (j joined) Remove(node foci.NodeID) { j.p.links.remove(node) }

func (j joined) RoutesChanged() { j.p.rerouted() }

func (j joined) ReachableAgain(node foci.NodeID) {
	if j.p.ways.back(node) {
		j.p.rerouted()
	}
}

// rerouted lets legs that have no path look for one again.
func (p *Peer) rerouted() {
	p.ways.changed()
	p.step(func(out []txn.Effect, now time.Duration) []txn.Effect { return p.txns.RouteChanged(out, now) })
}
