package path

import (
	"bytes"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
)

const (
	// Rest is how long a relay that refused a request for a node gets no requests for
	// that node. It doubles with each further refusal, up to MaxRest.
	Rest    = time.Second
	MaxRest = 8 * time.Second
	// A choice holds for choiceTime and choiceUses requests at most: consecutive
	// requests take one path, and yet the load is spread.
	choiceTime = 100 * time.Millisecond
	choiceUses = 64
	// spill is the load in bytes above that of the least loaded relay up to which
	// the present relay is kept.
	spill = 1 << 20
)

// relayState tells whether requests to a node can be relayed.
type relayState uint8

const (
	noRelay           relayState = iota // no linked node has an address in the node's tables
	relaysUnreachable                   // relays exist, but none can be used now
	relayed                             // a relay can be used
)

// target is a node without a direct path, and the choice of its relay.
type target struct {
	relay   foci.NodeID
	state   relayState
	changes uint64        // of the machine, when the choice was made
	until   time.Duration // the choice holds until then
	uses    int
	resting map[foci.NodeID]*resting // relays that refused
}

// resting is the state of a relay that refused. After its rest a single request probes
// it.
type resting struct {
	until   time.Duration
	next    time.Duration // the length of the next rest
	probing bool          // the probe is in flight
}

// target returns the present choice of a relay for a node, renewed if it has expired.
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
			t.until = min(t.until, now+after) // a rest ends then: the next request is the probe
		}
	}
	return t
}

// candidate is a relay that can be used.
type candidate struct {
	node foci.NodeID
	load int64
}

// choose chooses the relay for a node. It keeps the last one while that is not much
// busier than another. Else it takes the less loaded of two random relays (the power
// of two choices): all processes would choose the least loaded of all.
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
	slices.SortFunc(usable, func(a, b candidate) int { return bytes.Compare(a.node[:], b.node[:]) }) // deterministic for a seed
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

// use counts a request that takes the relay. The first after a rest is the probe:
// no other request follows until it is answered, or a further Rest has passed.
func (t *target) use(now time.Duration) {
	t.uses++
	if r := t.resting[t.relay]; r != nil && !mutant.On(mutant.ManyProbes) {
		r.until, r.probing, t.uses = now+Rest, true, choiceUses
	}
}

// retryAfter is the time until the first resting relay may be probed; 0 if none rests.
func (t *target) retryAfter(now time.Duration) time.Duration {
	var after time.Duration
	for _, r := range t.resting {
		if left := r.until - now; left > 0 && (after == 0 || left < after) {
			after = left
		}
	}
	return after
}

// refused observes that a relay refused a request: it rests.
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
		return // one of several requests in flight
	}
	r.probing = false
	if mutant.On(mutant.RestlessRelays) {
		return
	}
	r.until = now + r.next
	r.next = min(2*r.next, MaxRest)
}

// Reachable observes a report that a node is reachable again: relays that refused
// requests for it may be used again. It reports whether there were any.
func (m *Machine) Reachable(node foci.NodeID) bool {
	t := m.targets[node]
	if t == nil || len(t.resting) == 0 {
		return false
	}
	t.resting, t.until = nil, 0
	return true
}
