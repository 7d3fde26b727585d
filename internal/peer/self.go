package peer

import (
	"sync/atomic"

	"github.com/foci-store/foci/internal/core/wire"
)

// Self is this member's own entry, as it is told to others.
func (p *Peer) Self() wire.Route {
	p.join.mu.Lock()
	defer p.join.mu.Unlock()
	return p.join.routes.Self()
}

// Alone reports whether no link is up.
func (p *Peer) Alone() bool { return p.join.alone() }

// RouteCounters count what a process says about routes.
type RouteCounters struct {
	Told     uint64 `json:"told"`     // messages that told others of a change
	Compared uint64 `json:"compared"` // comparisons with a peer
	Watched  uint64 `json:"watched"`  // answers to clients that watch
}

type routeCounters struct{ told, compared, watched atomic.Uint64 }

// RouteCounters are those of this process.
func (p *Peer) RouteCounters() RouteCounters {
	c := &p.said
	return RouteCounters{Told: c.told.Load(), Compared: c.compared.Load(), Watched: c.watched.Load()}
}
