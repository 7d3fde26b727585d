package sim

import (
	"errors"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/txn"
)

// network is what the machine of paths asks for.
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

// cameUp is when the first channel to a node is open.
func (s *shell) cameUp(n *node) {
	s.paths.Up(n.id(), s.Shared(s.at, n.at)[0])
	// Those that wait for others may go by this one.
	s.do(s.machine.RouteChanged(s.machine.PeerUp(nil, s.Now, n.id()), s.Now))
	if s.host != nil {
		s.host.tell(n)
	}
}

// wentDown is when the last channel to a node is lost.
func (s *shell) wentDown(n *node) {
	s.paths.Down(n.id())
	s.do(s.machine.PeerDown(nil, s.Now, n.id()))
}

// rerouted lets legs that have no way look for one again.
func (s *shell) rerouted() {
	s.do(s.machine.RouteChanged(nil, s.Now))
}

// tell has clients with a channel to the node hear that another one is up;
// not all do.
func (n *node) tell(up *node) {
	for _, cl := range n.clients {
		s := cl.shell
		if !s.proc.Link(n.at).IsUp() || n.Chance(0.3) {
			continue
		}
		n.After(n.Between(time.Millisecond, 50*time.Millisecond), func() {
			if !s.gone && s.paths.Reachable(up.id()) {
				s.rerouted()
			}
		})
	}
}

// judged notes what an answer says of the relay by which it came, and
// what the relay's own errors mean for the request.
func (s *shell) judged(via, to foci.NodeID, d *txn.Delivery) {
	var author foci.NodeID
	var said *saidBy
	if errors.As(d.Err, &said) {
		author = idOf(said.at)
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
