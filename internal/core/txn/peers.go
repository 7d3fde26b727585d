package txn

import (
	"cmp"
	"slices"
	"time"

	"github.com/foci-store/foci"
)

// noPeer is the place in peers for legs that have no path.
const noPeer = 0

const (
	maxPeers  = 1<<16 - 1
	idlePeers = 64 // peers that are not up and still remembered when nothing is pending
)

// peer is a node that legs go to: one that serves them, or a relay.
type peer struct {
	id   foci.NodeID
	up   bool
	legs *pending // those whose path begins with it
	// scout is the one of them that asks the router again in a while whether
	// there is another path; the others wait for the result.
	scout *pending
}

// intern is a node's number in peers; false when there are too many.
func (m *Machine) intern(id foci.NodeID) (uint16, bool) {
	if at, ok := m.index[id]; ok {
		return at, true
	}
	if len(m.peers) > maxPeers {
		return noPeer, false
	}
	at := uint16(len(m.peers))
	m.peers = append(m.peers, &peer{id: id})
	m.index[id] = at
	m.down++
	return at, true
}

// forgetPeers drops the peers that are not up, when no leg has their numbers.
func (m *Machine) forgetPeers() {
	if m.down <= idlePeers {
		return
	}
	kept := m.peers[:1]
	for _, q := range m.peers[1:] {
		if q.up {
			kept = append(kept, q)
		}
	}
	clear(m.peers[len(kept):])
	m.peers, m.down = kept, 0
	clear(m.index)
	for at, q := range m.peers {
		m.index[q.id] = uint16(at)
	}
}

// assign moves a leg to the list of the node that its path begins with.
func (m *Machine) assign(p *pending, first uint16) {
	if p.first == first && (p.prev != nil || m.peers[first].legs == p) {
		return
	}
	m.unlink(p)
	p.first = first
	head := m.peers[first].legs
	p.next = head
	if head != nil {
		head.prev = p
	}
	m.peers[first].legs = p
}

func (m *Machine) unlink(p *pending) {
	if p.prev != nil {
		p.prev.next = p.next
	} else if m.peers[p.first].legs == p {
		m.peers[p.first].legs = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	}
	p.prev, p.next = nil, nil
	m.relieve(p)
}

// scouts reports whether a leg that waits for a peer is, or now becomes, the one
// that looks for another path.
func (m *Machine) scouts(p *pending, at uint16) bool {
	q := m.peers[at]
	if s := q.scout; s == nil || s == p || s.state != backoff {
		q.scout = p
	}
	return q.scout == p
}

// relieve has another leg look for a path when the one that did leaves its list:
// it ends, or takes a path that may be none.
func (m *Machine) relieve(p *pending) {
	q := m.peers[p.first]
	if q.scout != p {
		return
	}
	q.scout = nil
	if next := q.legs; next != nil && next.state == parked {
		q.scout = next
		m.retryLater(nil, next, 0)
	}
}

// inOrder is the legs of a list that pass, as they were submitted. They are
// gathered first: what is then done to them changes the lists.
func (m *Machine) inOrder(from *pending, pass func(*pending) bool) []*pending {
	legs := m.scratch[:0]
	for p := from; p != nil; p = p.next {
		if pass(p) {
			legs = append(legs, p)
		}
	}
	sortBySubmission(legs)
	m.scratch = legs
	return legs
}

func sortBySubmission(legs []*pending) {
	slices.SortFunc(legs, func(a, b *pending) int { return cmp.Compare(a.seq, b.seq) })
}

// PeerUp says that a peer can be sent to. All legs that wait for it are sent at
// once, in the order of their submission.
func (m *Machine) PeerUp(out []Effect, now time.Duration, node foci.NodeID) []Effect {
	m.advance(now)
	at, ok := m.intern(node)
	if !ok || at == noPeer {
		return out
	}
	q := m.peers[at]
	if !q.up {
		q.up = true
		m.down--
	}
	for _, p := range m.inOrder(q.legs, (*pending).lacksPath) {
		m.stats.Unparked++
		out = m.send(out, p, false)
	}
	return out
}

// PeerDown says that no channel to a peer is left. Its legs are routed afresh:
// they take another path if there is one, and wait for the peer if not. Their
// counters rest meanwhile.
func (m *Machine) PeerDown(out []Effect, now time.Duration, node foci.NodeID) []Effect {
	m.advance(now)
	at, ok := m.index[node]
	if !ok || !m.peers[at].up {
		return out
	}
	q := m.peers[at]
	q.up = false
	m.down++
	for _, p := range m.inOrder(q.legs, func(*pending) bool { return true }) {
		if p.waiting() {
			p.log.end(p.attempt, foci.Unreachable)
		}
		p.cause = foci.Unreachable
		out = m.send(out, p, false)
	}
	return out
}

// RouteChanged says that the router may answer differently now. Legs that wait
// for a path are routed afresh.
func (m *Machine) RouteChanged(out []Effect, now time.Duration) []Effect {
	m.advance(now)
	legs := m.scratch[:0]
	for _, p := range m.timers {
		if p.lacksPath() {
			legs = append(legs, p)
		}
	}
	sortBySubmission(legs)
	m.scratch = legs
	for _, p := range legs {
		out = m.send(out, p, false)
	}
	return out
}
