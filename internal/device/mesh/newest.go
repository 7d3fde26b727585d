package mesh

import (
	"fmt"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/route"
)

// unprovenFor is how long an incarnation counts that no certificate has proved,
// after the last time that it was seen.
const unprovenFor = time.Minute

// newest is the newest incarnation met of each node, in either direction. An
// older one is a process that should have ended, or that runs on a copy of the
// node's directory: it is neither let in nor believed.
//
// An incarnation is held to [route.Believable]. Where a certificate proves the
// node's id, only the node itself can have said it, and it counts as long as this
// process runs and believes the same authorities: a process with a stolen cluster
// key can say it too, until the key is replaced. Where nothing proves the id, any peer can say it: then it counts
// while a channel of it is open, and for a minute after, so that a forged one
// locks the node out no longer than that.
type newest struct {
	mu  sync.Mutex
	met map[foci.NodeID]meeting
}

type meeting struct {
	inc    foci.Incarnation
	proved bool  // by a certificate
	seen   int64 // when, nanoseconds since 1970
}

// lapsed reports whether a newer incarnation of a node than inc is known that
// counts no more unless a channel of it is open, and which that is.
func (n *newest) lapsed(node foci.NodeID, inc foci.Incarnation, now int64) (foci.Incarnation, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m, found := n.met[node]
	age := time.Duration(now - m.seen)
	return m.inc, found && inc < m.inc && !m.proved && (age < 0 || age >= unprovenFor)
}

// doubt takes back what certificates have proved: by authorities, some of which
// are not believed any more. A node proves its incarnation by its next hello.
func (n *newest) doubt(now int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, m := range n.met {
		n.met[id] = meeting{m.inc, false, now}
	}
}

// forget drops an incarnation of a node.
func (n *newest) forget(node foci.NodeID, inc foci.Incarnation) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.met[node].inc == inc {
		delete(n.met, node)
	}
}

// meet notes an incarnation, or fails with Denied when a newer one is known.
func (n *newest) meet(node foci.NodeID, inc foci.Incarnation, proved bool, now int64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	known, found := n.met[node]
	// One that is out of bounds by now was met while our clock was far ahead.
	if found && inc < known.inc && route.Believable(known.inc, now) {
		return &foci.Error{
			Kind: foci.Denied, Where: "node " + node.Short(), Msg: "is an older start of a node that was started again since",
			Fix: "two processes run under one node id: end the older one, and never copy a node's directory",
		}
	}
	if n.met == nil {
		n.met = map[foci.NodeID]meeting{}
	}
	if !found && len(n.met) >= foci.MaxNodes {
		for other := range n.met { // any: who is here once more is met once more
			delete(n.met, other)
			break
		}
	}
	n.met[node] = meeting{inc, proved, now}
	return nil
}

// meet holds what a peer says of its start to the bound, and to what is known.
func (m *Mesh) meet(peer *Identity) error {
	now := m.cfg.Now()
	if !route.Believable(peer.Incarnation, now) && !mutant.On(mutant.HelloAnyIncarnation) {
		return &foci.Error{
			Kind: foci.Denied, Where: "node " + peer.Node.Short(),
			Msg: fmt.Sprintf("its incarnation %d is more than %v ahead of the clock of node %s", peer.Incarnation, route.MaxAhead, m.cfg.Node.Short()),
			Fix: "set the clock that is wrong, and start the node again whose clock was ahead",
		}
	}
	if known, lapsed := m.newest.lapsed(peer.Node, peer.Incarnation, now); lapsed && !mutant.On(mutant.UnprovenForEver) {
		if m.holds(peer.Node, known) {
			_ = m.newest.meet(peer.Node, known, false, now) // seen again; a newer one met meanwhile stays
		} else {
			m.newest.forget(peer.Node, known)
		}
	}
	return m.newest.meet(peer.Node, peer.Incarnation, peer.Principal.IsNode(), now)
}

// holds reports whether a channel of an incarnation of a node is open, in either
// direction.
func (m *Mesh) holds(node foci.NodeID, inc foci.Incarnation) bool {
	m.mu.Lock()
	l := m.links[node]
	for ch := range m.inbound {
		if ch.peer.Node == node && ch.peer.Incarnation == inc {
			m.mu.Unlock()
			return true
		}
	}
	m.mu.Unlock()
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ch := range l.channels {
		if ch.peer.Incarnation == inc {
			return true
		}
	}
	return false
}
