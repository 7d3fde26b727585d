package peer

import (
	"cmp"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/layout"
)

// Bounds of the time after which a late group's question goes to one more.
const (
	minHedge = 10 * time.Millisecond
	maxHedge = time.Second
)

// latency is how long nodes take to answer questions, to ask the near ones first.
type latency struct {
	nodes sync.Map // foci.NodeID → *atomic.Int64: nanoseconds, smoothed
	turn  atomic.Uint32
}

// observe counts one answer.
func (l *latency) observe(node foci.NodeID, took time.Duration) {
	v, ok := l.nodes.Load(node)
	if !ok {
		v, _ = l.nodes.LoadOrStore(node, new(atomic.Int64))
	}
	n := v.(*atomic.Int64)
	if old := n.Load(); old != 0 {
		took = time.Duration(old) + (took-time.Duration(old))/8
	}
	n.Store(int64(took)) // of two at once one may be lost
}

func (l *latency) of(node foci.NodeID) time.Duration {
	if v, ok := l.nodes.Load(node); ok {
		return time.Duration(v.(*atomic.Int64).Load())
	}
	return 0
}

// nearness is the difference in answering times, in one step and doubled with
// each further one, below which nodes are equally near. It is above what a busy
// processor or disk adds, so that nodes side by side share the load.
const nearness = 8 * time.Millisecond

// unreachable is further than any node that can be reached.
const unreachable = 64

// order is the groups of an object, nearest owner first, and how long to wait
// for one before the next is asked. Owners that are about equally near take
// turns; those that no channel leads to come last, for to ask them first would
// cost every operation that wait.
func (p *Peer) order(s *layout.Snapshot, bucket string, id foci.ID) ([]foci.Group, time.Duration) {
	type near struct {
		group foci.Group
		step  int // power of two
		took  time.Duration
	}
	all := s.GroupsOf(bucket)
	list := make([]near, 0, foci.MaxGroups)
	turn := int(p.latency.turn.Add(1) & 0xffff)
	for i := range all {
		g := all[(i+turn)%len(all)]
		_, node, _ := s.Owner(g, id)
		n := near{g, unreachable, 0}
		if p.isUp(node) {
			n.took = p.latency.of(node)
			n.step = bits.Len64(uint64(n.took / nearness))
		}
		list = append(list, n)
	}
	slices.SortStableFunc(list, func(a, b near) int { return cmp.Compare(a.step, b.step) })
	groups := make([]foci.Group, len(list))
	var slowest time.Duration
	for i, n := range list {
		groups[i] = n.group
		if i <= len(list)/2 {
			slowest = max(slowest, n.took)
		}
	}
	return groups, min(max(4*slowest, minHedge), maxHedge)
}
