package sim

import (
	"errors"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/txn"
)

// network implements the interface that the path machine needs.
type network struct{ *shell }

func (n network) Tables(node foci.NodeID) []foci.Table { return n.shell.Tables[nodeOf(node)] }

func (n network) OwnTables() []foci.Table { return n.shell.Tables[n.at] }

func (n network) Load(node foci.NodeID) int64 {
	if l := n.proc.Link(nodeOf(node)); l != nil {
		return l.Load() << 19
	}
	return 0
}

// RTT is not measured: the order of groups is drawn.
func (n network) RTT(foci.NodeID) time.Duration { return 0 }

// peerUp handles the opening of the first channel to a node.
func (s *shell) peerUp(n *node) {
	s.paths.Up(n.id(), s.Shared(s.at, n.at)[0])
	// Legs that wait for other nodes may use this one as a relay.
	s.do(s.machine.RouteChanged(s.machine.PeerUp(nil, s.Now, n.id()), s.Now))
	if s.host != nil {
		s.host.tell(n)
	}
}

// peerDown handles the loss of the last channel to a node.
func (s *shell) peerDown(n *node) {
	s.paths.Down(n.id())
	s.do(s.machine.PeerDown(nil, s.Now, n.id()))
}

// rerouted makes legs without a path look for one again.
func (s *shell) rerouted() {
	s.do(s.machine.RouteChanged(nil, s.Now))
}

// tell announces to most clients with a channel to the node that another node is
// reachable.
func (n *node) tell(up *node) {
	for _, cl := range n.clients {
		s := cl.shell
		if !s.proc.Link(n.at).IsUp() || n.Chance(0.3) {
			continue
		}
		n.After(n.Between(time.Millisecond, 50*time.Millisecond), func() {
			if !s.closed && s.paths.Reachable(up.id()) {
				s.rerouted()
			}
		})
	}
}

// applyRelay records the result of a request sent through a relay, and translates the
// relay's own errors into the outcome of the request.
func (s *shell) applyRelay(via, to foci.NodeID, d *txn.Delivery) {
	var author foci.NodeID
	var reply *authoredError
	if errors.As(d.Err, &reply) {
		author = idOf(reply.at)
	}
	v := s.paths.Relayed(via, to, author, d.Err, s.Now)
	if v.ByRelay {
		d.Relayed = true
		switch {
		case v.Lost:
			d.Fate = txn.Lost
		case v.NotSent:
			d.Fate = txn.NotSent
		}
	}
	if v.Again {
		s.rerouted()
	}
}
