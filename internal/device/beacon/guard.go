package beacon

import (
	"hash"
	"net/netip"
	"slices"
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
	// perSecond is how many beacons of one source address count, in bursts of as
	// many. A node sends one in ten seconds.
	perSecond  = 20
	maxSeen    = foci.MaxNodes
	maxSources = foci.MaxNodes
)

// Counters are what became of the packets that came.
type Counters struct {
	Sent     uint64 `json:"sent"`
	Taken    uint64 `json:"taken"`
	Strange  uint64 `json:"strange"`  // no beacons, or made without the key
	Foreign  uint64 `json:"foreign"`  // of another cluster with the same key
	Untimely uint64 `json:"untimely"` // outside the window: replayed, or of a clock that is wrong; or an incarnation too far ahead
	Repeated uint64 `json:"repeated"` // by us ourselves, by several interfaces, or replayed
	Over     uint64 `json:"over"`     // more from one source than are taken
}

// guard decides which packets count. It is not safe for concurrent use.
//
// Only a packet that was made with the key, and that is new, uses up anything of
// what its source may send: so junk, replays and forged source addresses keep no
// node from being heard. A junk packet costs one hash of at most
// wire.MaxBeacon bytes for each key that is valid.
type guard struct {
	cfg     *Config
	keys    [][32]byte  // as they were at looked
	macs    []hash.Hash // of keys
	looked  time.Time
	count   Counters
	seen    map[foci.NodeID]last
	sources map[netip.Addr]*bucket
}

// bucket is how many beacons more a source may send now.
type bucket struct {
	tokens float64
	filled time.Time
}

// last is the newest packet of a node.
type last struct {
	time  int64
	nonce uint64
}

// admit reports whether a source may send another beacon now.
func (g *guard) admit(from netip.Addr, now time.Time) bool {
	b := g.sources[from]
	if b == nil {
		if len(g.sources) >= maxSources {
			for other := range g.sources { // any: it holds back what holders of the key send
				delete(g.sources, other)
				break
			}
		}
		if g.sources == nil {
			g.sources = map[netip.Addr]*bucket{}
		}
		b = &bucket{perSecond, now}
		g.sources[from] = b
	}
	b.tokens = min(perSecond, b.tokens+now.Sub(b.filled).Seconds()*perSecond)
	b.filled = now
	if b.tokens < 1 {
		g.count.Over++
		return false
	}
	b.tokens--
	return true
}

// codes are those of the keys that are valid now, which are asked for once in a
// second at most.
func (g *guard) codes(now time.Time) []hash.Hash {
	if len(g.macs) > 0 && now.Sub(g.looked).Abs() < time.Second {
		return g.macs
	}
	g.looked = now
	if keys := g.cfg.Keys(); !slices.Equal(keys, g.keys) {
		g.keys, g.macs = keys, nil
		for i := range keys {
			g.macs = append(g.macs, newMAC(&keys[i]))
		}
	}
	return g.macs
}

// take reads a packet and returns the entry that it tells, nil when it does not
// count. Of one node only what is newer than the last counts.
func (g *guard) take(p []byte, from netip.Addr, now time.Time) *wire.Route {
	if mutant.On(mutant.JunkBeacons) && !g.admit(from, now) {
		return nil
	}
	b, err := openAny(g.codes(now), p)
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
	case !g.admit(from, now):
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
