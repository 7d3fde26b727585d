package node

import (
	"context"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/version"
)

// watchEvery is the interval between comparisons of the node's clock with those of
// the others. Pings refresh these about every second.
const watchEvery = 500 * time.Millisecond

// watchClock compares this node's clock with those of the other storing nodes
// until ctx ends. While the clock is wrong (astray) the node does not vote.
func (n *Node) watchClock(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n.judgeClock()
		}
	}
}

func (n *Node) judgeClock() {
	var now *version.Astray
	if a, astray := version.Watch(n.clockOffsets()); astray {
		now = &a
	}
	switch was := n.astray.Swap(now); {
	case now != nil && was == nil:
		n.log.Error("this node does not vote: its clock is wrong", "why", now.Err())
	case now == nil && was != nil:
		n.log.Warn("this node votes again: its clock agrees with the others")
	}
}

// clockOffsets returns the known clocks of the other storing nodes of the layout,
// and the number of storing nodes, this one included.
func (n *Node) clockOffsets() (others []version.Offset, of int) {
	s := n.layout.Load()
	if s == nil {
		return nil, 0
	}
	p, seen := n.peer.Load(), map[foci.NodeID]bool{}
	for i := range s.Backends {
		node := s.Backends[i].Node
		if seen[node] {
			continue
		}
		seen[node] = true
		if o, known := p.Paths().ClockOffset(node); known {
			others = append(others, o)
		}
	}
	if !seen[n.id.Node] {
		return nil, 0 // it stores nothing, so it has no votes
	}
	return others, len(seen)
}
