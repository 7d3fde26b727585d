package handshake

import (
	"fmt"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/route"
)

// unprovenFor is how long an unauthenticated incarnation counts after it was last
// seen.
const unprovenFor = time.Minute

// newest holds the newest incarnation seen of each node, in either direction. It
// refuses an older one: that process should have ended, or runs on a copy of the
// node's directory.
//
// An incarnation must pass [route.Believable]. Where a certificate proves the node's
// id, only the node itself can claim an incarnation, or a process with a stolen
// cluster key until the key is replaced. It counts as long as this process runs and
// trusts the same authorities. Where nothing proves the id, any peer can claim an
// incarnation. It then counts while a channel of it is open and for a minute after, so
// that a forged one locks the node out no longer than that.
type newest struct {
	mu   sync.Mutex
	seen map[foci.NodeID]sighting // guarded by mu
}

type sighting struct {
	inc    foci.Incarnation
	proved bool  // by a certificate
	at     int64 // nanoseconds since 1970
}

// lapsed returns the newest incarnation of a node, and whether it is newer than inc
// and counts only while a channel of it is open.
func (n *newest) lapsed(node foci.NodeID, inc foci.Incarnation, now int64) (foci.Incarnation, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m, found := n.seen[node]
	age := time.Duration(now - m.at)
	return m.inc, found && inc < m.inc && !m.proved && (age < 0 || age >= unprovenFor)
}

// doubt marks all incarnations as unproved and seen now.
func (n *newest) doubt(now int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, m := range n.seen {
		n.seen[id] = sighting{m.inc, false, now}
	}
}

// forget drops an incarnation of a node.
func (n *newest) forget(node foci.NodeID, inc foci.Incarnation) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seen[node].inc == inc {
		delete(n.seen, node)
	}
}

// record records an incarnation, or fails with Denied when a newer one is known.
func (n *newest) record(node foci.NodeID, inc foci.Incarnation, proved bool, now int64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	known, found := n.seen[node]
	// A known one that is out of bounds was seen while our clock was far ahead.
	if found && inc < known.inc && route.Believable(known.inc, now) {
		return &foci.Error{
			Kind: foci.Denied, Where: "node " + node.Short(), Msg: "is an older process of a node that was started again since",
			Fix: "two processes run under one node id: end the older one, and never copy a node's directory",
		}
	}
	if n.seen == nil {
		n.seen = map[foci.NodeID]sighting{}
	}
	if !found && len(n.seen) >= foci.MaxNodes {
		for other := range n.seen { // any: a node that returns is recorded again
			delete(n.seen, other)
			break
		}
	}
	n.seen[node] = sighting{inc, proved, now}
	return nil
}

// meet checks the incarnation of a peer: that it is in bounds, and that no newer
// one of its node is known.
func (e *Endpoint) meet(peer *Identity) error {
	now := e.cfg.Now()
	if !route.Believable(peer.Incarnation, now) && !mutant.On(mutant.HelloAnyIncarnation) {
		return &foci.Error{
			Kind: foci.Denied, Where: "node " + peer.Node.Short(),
			Msg: fmt.Sprintf("its incarnation %d is more than %v ahead of the clock of node %s", peer.Incarnation, route.MaxAhead, e.cfg.Node.Short()),
			Fix: "set the wrong clock, and restart the node whose clock was ahead",
		}
	}
	if known, lapsed := e.newest.lapsed(peer.Node, peer.Incarnation, now); lapsed && !mutant.On(mutant.UnprovenForEver) {
		if e.cfg.Holds(peer.Node, known) {
			_ = e.newest.record(peer.Node, known, false, now) // seen again; one newer than that stays
		} else {
			e.newest.forget(peer.Node, known)
		}
	}
	return e.newest.record(peer.Node, peer.Incarnation, peer.Principal.IsNode(), now)
}
