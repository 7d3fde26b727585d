package txn

import (
	"cmp"
	"slices"
	"time"

	"github.com/foci-store/foci"
)

// noPeer is the index in peers of the list of legs without a path.
const noPeer = 0

const (
	maxPeers  = 1<<16 - 1
	idlePeers = 64 // peers that are not up and still remembered when nothing is pending
)

// peer is the first node of the paths of legs: a replica or a relay.
type peer struct {
	id   foci.NodeID
	up   bool
	legs *pending // those whose path begins with it
	// scout is the leg that asks the router again after a delay; the others wait for
	// its result.
	scout *pending
}

// intern is a node's index in peers; false if there are too many.
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

// forgetPeers drops the peers that are not up and have no legs.
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

// assign moves a leg to the list of the first node of its path.
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

// scouts reports whether a leg is, or now becomes, the scout of the peer it waits for.
func (m *Machine) scouts(p *pending, at uint16) bool {
	q := m.peers[at]
	if s := q.scout; s == nil || s == p || s.state != backoff {
		q.scout = p
	}
	return q.scout == p
}

// relieve makes another leg the scout when the present scout ends or is routed.
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

// inOrder copies the legs of a list that pass, in the order of submission: handling them
// changes the lists.
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

// PeerUp reports that a peer is reachable. All legs that wait for it are sent at once, in
// the order of submission.
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

// PeerDown reports that no channel to a peer is left. Its legs are routed again: they
// take another path, or wait for the peer, which costs no resends.
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

// RouteChanged reports that the router may return other paths. Legs that wait for a path
// are routed again.
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
