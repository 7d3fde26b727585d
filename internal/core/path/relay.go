package path

import (
	"bytes"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
)

const (
	// Rest is how long a relay that refused requests for a node gets none for that
	// node: the first time; twice as long each further time, up to MaxRest.
	Rest    = time.Second
	MaxRest = 8 * time.Second
	// A choice holds for so long and for so many requests, so that those that
	// follow each other take one path and yet the load is spread.
	choiceTime = 100 * time.Millisecond
	choiceUses = 64
	// spill is how much more load than the least loaded relay the present one may
	// have and still be kept.
	spill = 1 << 20
)

// relayState is whether requests to a node can be relayed.
type relayState uint8

const (
	noRelay           relayState = iota // no linked node has an address in the node's tables
	relaysUnreachable                   // those that have cannot be used now
	relayed                             // one can
)

// target is a node without a direct path, and the choice of its relay.
type target struct {
	relay   foci.NodeID
	state   relayState
	changes uint64        // of the machine, when the choice was made
	until   time.Duration // the choice is made again then
	uses    int
	resting map[foci.NodeID]*resting // relays that refused
}

// resting is a relay that refused. After its rest one request probes it; until the
// answer to the probe it stays unused.
type resting struct {
	until   time.Duration
	next    time.Duration // how long it rests the next time
	probing bool          // the probe is in flight
}

// target is the present choice of a relay for a node.
func (m *Machine) target(node foci.NodeID, now time.Duration) *target {
	t := m.targets[node]
	if t == nil {
		if len(m.targets) >= foci.MaxNodes {
			clear(m.targets)
		}
		t = new(target)
		m.targets[node] = t
		t.until = now
	}
	if t.until <= now || t.changes != m.changes || t.uses >= choiceUses {
		t.relay, t.state = m.choose(node, t, now)
		t.changes, t.until, t.uses = m.changes, now+choiceTime, 0
		if after := t.retryAfter(now); after > 0 && !mutant.On(mutant.LongChoice) {
			t.until = min(t.until, now+after) // a rest ends: the request that asks then is the probe
		}
	}
	return t
}

// candidate is a relay that can be used.
type candidate struct {
	node foci.NodeID
	load int64
}

// choose chooses the relay for a node. The last one is kept while it is not much
// busier than another. Else two are drawn and the one with less load is taken:
// the best of all would be every process's choice.
func (m *Machine) choose(node foci.NodeID, t *target, now time.Duration) (foci.NodeID, relayState) {
	state, random := noRelay, m.cfg.Rand()
	var usable []candidate
	tables := m.cfg.Network.Tables(node)
	for id, p := range m.peers {
		if !p.linked || id == node || !shareTable(m.cfg.Network.Tables(id), tables) {
			continue
		}
		state = max(state, relaysUnreachable)
		if r := t.resting[id]; len(p.up) > 0 && (r == nil || r.until <= now) {
			usable = append(usable, candidate{id, m.cfg.Network.Load(id)})
		}
	}
	if len(usable) == 0 {
		return foci.NodeID{}, state
	}
	slices.SortFunc(usable, func(a, b candidate) int { return bytes.Compare(a.node[:], b.node[:]) }) // a seed decides everything
	return draw(usable, t.relay, random), relayed
}

func draw(usable []candidate, last foci.NodeID, random uint64) foci.NodeID {
	least := usable[0].load
	for _, c := range usable {
		least = min(least, c.load)
	}
	for _, c := range usable {
		if c.node == last && c.load-least <= spill {
			return last
		}
	}
	n := uint64(len(usable))
	a, b := usable[random%n], usable[random>>32%n]
	if b.load < a.load {
		a = b
	}
	return a.node
}

func shareTable(a, b []foci.Table) bool {
	return slices.ContainsFunc(a, func(t foci.Table) bool { return slices.Contains(b, t) })
}

// use counts a request that goes through the relay. The first after a rest is
// the probe, and the only one until it is answered.
func (t *target) use(now time.Duration) {
	t.uses++
	if r := t.resting[t.relay]; r != nil && !mutant.On(mutant.ManyProbes) {
		r.until, r.probing, t.uses = now+Rest, true, choiceUses
	}
}

// retryAfter is how long until the first relay that refused may be probed; 0
// when none has.
func (t *target) retryAfter(now time.Duration) time.Duration {
	var after time.Duration
	for _, r := range t.resting {
		if left := r.until - now; left > 0 && (after == 0 || left < after) {
			after = left
		}
	}
	return after
}

// refused lets a relay rest.
func (t *target) refused(relay foci.NodeID, now time.Duration) {
	r := t.resting[relay]
	if r == nil {
		r = &resting{next: Rest}
		if t.resting == nil {
			t.resting = map[foci.NodeID]*resting{}
		}
		t.resting[relay] = r
	}
	t.until = now
	if r.until > now && !r.probing {
		return // one of several that were on their way
	}
	r.probing = false
	if mutant.On(mutant.RestlessRelays) {
		return
	}
	r.until = now + r.next
	r.next = min(2*r.next, MaxRest)
}

// Reachable observes that a node is said to be reachable again: relays that
// refused requests for it are used again. It reports whether any had.
func (m *Machine) Reachable(node foci.NodeID) bool {
	t := m.targets[node]
	if t == nil || len(t.resting) == 0 {
		return false
	}
	t.resting, t.until = nil, 0
	return true
}
