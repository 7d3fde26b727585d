package peer

import (
	"cmp"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/layout"
)

// Bounds of the time after which a late group's question goes to one more.
const (
	minHedge = 10 * time.Millisecond
	maxHedge = time.Second
)

// latency is how long nodes take to answer questions, to ask the near ones first.
type latency struct {
	nodes sync.Map // foci.NodeID → *answering
	turn  atomic.Uint32
}

// answering is how long one node takes.
type answering struct {
	mu   sync.Mutex
	mean time.Duration // smoothed
	p95  time.Duration // one answer of twenty takes longer
	at   time.Duration // when it answered last
}

// observe counts one answer.
func (l *latency) observe(node foci.NodeID, took, now time.Duration) {
	v, ok := l.nodes.Load(node)
	if !ok {
		v, _ = l.nodes.LoadOrStore(node, new(answering))
	}
	v.(*answering).observe(took, now)
}

func (a *answering) observe(took, now time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = now
	if a.mean == 0 {
		a.mean, a.p95 = took, 2*took
		return
	}
	a.mean += (took - a.mean) / 8
	// A quantile estimated by steps alone (Ma, Muthukrishnan and Sandler, "Frugal
	// streaming", 2013): 19 parts up and 1 down balance where one of 20 is above.
	if took > a.p95 {
		a.p95 += max(a.p95*19/320, time.Microsecond)
	} else {
		a.p95 -= a.p95 / 320
	}
}

// of is how long a node whose pings take rtt will probably take, and how long
// one answer of twenty takes at least. What it took at some time says less and
// less of what it takes now: a node that was slow is tried again, though the
// others are asked first.
func (l *latency) of(node foci.NodeID, rtt, now time.Duration) (mean, p95 time.Duration) {
	v, ok := l.nodes.Load(node)
	if !ok {
		return rtt, 2 * rtt
	}
	a := v.(*answering)
	a.mu.Lock()
	defer a.mu.Unlock()
	age := min((now-a.at)/forgetting, 32)
	mean = rtt + max(a.mean-rtt, 0)>>age
	return mean, max(a.p95, mean)
}

// forgetting halves what is remembered of how slow a node was.
const forgetting = 2 * time.Second

// nearness is the difference in answering times, in one step and doubled with
// each further one, below which nodes are equally near. It is above what a busy
// processor or disk adds, so that nodes side by side share the load.
const nearness = 8 * time.Millisecond

// unreachable is further than any node that can be reached.
const unreachable = 64

// aside is how much further a node is to which requests are forwarded than one
// that answers as fast and is reached directly.
const aside = 32

// order is the groups of an object, nearest owner first, and how long to wait
// for one before the next is asked. Owners that are about equally near take
// turns; those that no channel leads to come last, for to ask them first would
// cost every operation that wait.
func (p *Peer) order(s *layout.Snapshot, bucket string, id foci.ID) ([]foci.Group, time.Duration) {
	type near struct {
		group foci.Group
		step  int // power of two
		took  time.Duration
		late  time.Duration // one answer of twenty takes longer
	}
	all := s.GroupsOf(bucket)
	list := make([]near, 0, foci.MaxGroups)
	now := p.now()
	turn := int(p.latency.turn.Add(1) & 0xffff)
	for i := range all {
		g := all[(i+turn)%len(all)]
		_, node, _ := s.Owner(g, id)
		n := near{group: g, step: unreachable}
		if p.isUp(node) {
			n.took, n.late = p.latency.of(node, p.rtt(node), now)
			n.step = bits.Len64(uint64(n.took / nearness))
		} else if d := p.ways.find(node, false); d.Is == route.BridgeUp {
			n.took, n.late = p.latency.of(node, p.rtt(d.Via), now)
			n.step = aside + bits.Len64(uint64(n.took/nearness))
		}
		list = append(list, n)
	}
	slices.SortStableFunc(list, func(a, b near) int { return cmp.Compare(a.step, b.step) })
	groups := make([]foci.Group, len(list))
	var slowest time.Duration
	for i, n := range list {
		groups[i] = n.group
		if i <= len(list)/2 {
			slowest = max(slowest, n.late)
		}
	}
	return groups, min(max(slowest+slowest/4, minHedge), maxHedge)
}
