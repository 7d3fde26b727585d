package beacon

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
)

const (
	// window is how far a packet's time may be from ours. Wider than clocks are
	// usually apart, short enough that a recorded packet is soon worthless.
	window = 5 * time.Minute
	// perSecond is how many packets are looked at, in bursts of as many.
	perSecond = 500
	maxSeen   = foci.MaxNodes
)

// Counters are what became of the packets that came.
type Counters struct {
	Sent     uint64 `json:"sent"`
	Taken    uint64 `json:"taken"`
	Strange  uint64 `json:"strange"`  // no beacons, or made without the key
	Foreign  uint64 `json:"foreign"`  // of another cluster with the same key
	Untimely uint64 `json:"untimely"` // outside the window: replayed, or of a clock that is wrong; or an incarnation too far ahead
	Repeated uint64 `json:"repeated"` // by us ourselves, by several interfaces, or replayed
	Over     uint64 `json:"over"`     // more than are looked at
}

// guard decides which packets count. It is not safe for concurrent use.
type guard struct {
	cfg    *Config
	count  Counters
	tokens float64
	filled time.Time
	seen   map[foci.NodeID]last
}

// last is the newest packet of a node.
type last struct {
	time  int64
	nonce uint64
}

// admit reports whether there is time for another packet.
func (g *guard) admit(now time.Time) bool {
	g.tokens = min(perSecond, g.tokens+now.Sub(g.filled).Seconds()*perSecond)
	g.filled = now
	if g.tokens < 1 {
		g.count.Over++
		return false
	}
	g.tokens--
	return true
}

// take reads a packet and returns the entry that it tells, nil when it does not
// count. Of one node only what is newer than the last counts.
func (g *guard) take(p []byte, now time.Time) *wire.Route {
	if !g.admit(now) {
		return nil
	}
	b, err := open(&g.cfg.Key, p)
	if err != nil {
		g.count.Strange++
		return nil
	}
	at := last{b.Time, b.Nonce}
	before, known := g.seen[b.Route.Node]
	switch {
	case b.Cluster != g.cfg.Cluster:
		g.count.Foreign++
		return nil
	case b.Time < now.Add(-window).UnixNano() || b.Time > now.Add(window).UnixNano(),
		!route.Believable(b.Route.Incarnation, now.UnixNano()) && !mutant.On(mutant.BeaconAnyIncarnation):
		g.count.Untimely++
		return nil
	case b.Route.Node == g.cfg.Node, known && (at.time < before.time || at == before):
		g.count.Repeated++
		return nil
	}
	if !known && len(g.seen) >= maxSeen {
		for id := range g.seen { // any: it holds back repetitions, no more
			delete(g.seen, id)
			break
		}
	}
	if g.seen == nil {
		g.seen = map[foci.NodeID]last{}
	}
	g.seen[b.Route.Node] = at
	g.count.Taken++
	return &b.Route
}
