package handshake

import (
	"fmt"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/route"
)

// unprovenFor is how long an incarnation that no certificate has proved counts
// after it was last seen.
const unprovenFor = time.Minute

// newest is the newest incarnation seen of each node, in either direction. An
// older one is a process that should have ended, or that runs on a copy of the
// node's directory: it is refused.
//
// An incarnation must pass [route.Believable]. Where a certificate proves the
// node's id, only the node itself can claim it, and it counts as long as this
// process runs and believes the same authorities: a process with a stolen cluster
// key can claim it too, until the key is replaced. Where nothing proves the id, any
// peer can claim it: then it counts while a channel of it is open, and for a minute
// after, so that a forged one locks the node out no longer than that.
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
// and counts no more unless a channel of it is open.
func (n *newest) lapsed(node foci.NodeID, inc foci.Incarnation, now int64) (foci.Incarnation, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m, found := n.seen[node]
	age := time.Duration(now - m.at)
	return m.inc, found && inc < m.inc && !m.proved && (age < 0 || age >= unprovenFor)
}

// doubt makes all that certificates have proved unproved, seen now.
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
	// One that is out of bounds by now was seen while our clock was far ahead.
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
