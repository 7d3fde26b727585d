package mesh

import (
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/share"
)

// Rebill counts a request that the peer has passed on for another as that one's:
// the request, its bytes and its reply, from now on. Whoever serves the request
// calls it first, before anything else may answer it. With an error the request
// counts for nothing any more and must be failed with that.
func (in *Incoming) Rebill(asker share.Who) error {
	ch := in.ch
	if ch == nil || mutant.On(mutant.RelayPays) { // a request of this process's own stays its own
		return nil
	}
	s := &ch.mesh.shares
	s.mu.Lock()
	defer s.mu.Unlock()
	if !in.counted || in.rebilled() {
		return nil
	}
	a := &account{
		requests: s.requests.Join(asker), bytes: s.bytes.Join(asker), replies: s.replies.Join(asker),
		vital: asker.Member && vital(in.Class),
	}
	s.give(in.account, in.held)
	if why, ok := s.charge(a, in.held); !ok {
		s.settle(a)
		in.counted = false
		ch.inUse.give(in.held)
		return busy("node " + ch.mesh.cfg.Node.Short() + " has too many requests in hand, " + why)
	}
	in.account = a
	return nil
}

// rebilled reports whether a request counts as that of another than the
// channel's peer.
func (in *Incoming) rebilled() bool { return in.account != in.ch.account }

// settle ends the account of one request. What its reply counts for stays
// counted; mu is held.
func (s *shares) settle(a *account) {
	s.requests.Leave(a.requests)
	s.bytes.Leave(a.bytes)
	s.replies.Leave(a.replies)
}
