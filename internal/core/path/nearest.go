package path

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"github.com/foci-store/foci"
)

// The bounds of the hedging delay.
const (
	minHedge = 10 * time.Millisecond
	maxHedge = time.Second
)

const (
	// halfLife is the half-life of the measured slowness of a node.
	halfLife = 2 * time.Second
	// nearness is the first step of distance: nodes that answer faster are equally
	// near. Each further step doubles it. It exceeds what a busy processor or disk
	// adds, so that nodes side by side share the load.
	nearness = 8 * time.Millisecond
)

// Steps of distance beside powers of two of [nearness].
const (
	behindRelay = 32 // added for a node behind a relay
	noPath      = 64 // of a node without a path
)

// timing measures how long a node takes to answer.
type timing struct {
	mean     time.Duration // smoothed; 0: no answer yet
	p95      time.Duration // the 95th percentile
	answered time.Duration // time of the last answer
}

// Observe records how long a node took to answer a query.
func (m *Machine) Observe(node foci.NodeID, took, now time.Duration) {
	m.peer(node).observe(took, now)
}

func (t *timing) observe(took, now time.Duration) {
	t.answered = now
	if t.mean == 0 {
		t.mean, t.p95 = took, 2*took
		return
	}
	t.mean += (took - t.mean) / 8
	// A quantile estimated by steps alone (Ma, Muthukrishnan and Sandler, "Frugal
	// streaming", 2013): 19 parts up and 1 down balance where one of 20 is above.
	if took > t.p95 {
		t.p95 += max(t.p95*19/320, time.Microsecond)
	} else {
		t.p95 -= t.p95 / 320
	}
}

// estimate predicts the mean and the 95th percentile of the answering time of a node
// whose pings take rtt. The excess over rtt decays with time, so that a node that was
// slow is tried again.
func (t *timing) estimate(rtt, now time.Duration) (mean, p95 time.Duration) {
	if t.mean == 0 {
		return rtt, 2 * rtt
	}
	age := min((now-t.answered)/halfLife, 32)
	mean = rtt + max(t.mean-rtt, 0)>>age
	return mean, max(t.p95, mean)
}

// Replica is one owner of an object: a group, and the node of its backend there.
type Replica struct {
	Group foci.Group
	Node  foci.NodeID
}

// Order sorts the replicas of an object, nearest first. Replicas about equally
// near take turns; those without a path come last, as asking them first would
// cost every operation the hedging delay. It returns that delay: how long to wait
// for one replica before the next is asked as well.
func (m *Machine) Order(replicas []Replica, now time.Duration) (hedge time.Duration) {
	type ranked struct {
		Replica
		step int           // of distance
		late time.Duration // the 95th percentile
	}
	var room [foci.MaxGroups]ranked
	list := room[:0]
	m.turn = (m.turn + 1) & 0xffff
	for i := range replicas {
		r := replicas[(i+m.turn)%len(replicas)]
		step, late := m.distance(r.Node, now)
		list = append(list, ranked{r, step, late})
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(a.step, b.step) })
	var slowest time.Duration
	for i := range list {
		replicas[i] = list[i].Replica
		if i <= len(list)/2 {
			slowest = max(slowest, list[i].late)
		}
	}
	return min(max(slowest+slowest/4, minHedge), maxHedge)
}

// distance returns the distance of a node in steps, and the 95th percentile of its
// answering time.
func (m *Machine) distance(node foci.NodeID, now time.Duration) (step int, late time.Duration) {
	first, beyond := node, 0
	if !m.IsUp(node) {
		if first, beyond = m.Relay(node, now), behindRelay; first.IsZero() {
			return noPath, 0
		}
	}
	var rtt time.Duration
	if first != m.cfg.Self {
		rtt = m.cfg.Network.RTT(first)
	}
	var t timing
	if p := m.peers[node]; p != nil {
		t = p.timing
	}
	mean, late := t.estimate(rtt, now)
	return beyond + bits.Len64(uint64(mean/nearness)), late
}
