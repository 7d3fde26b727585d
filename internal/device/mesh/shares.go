package mesh

import (
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/share"
)

// Who is the peer as far as limits go. Where nothing is proved a member is known
// by its role alone.
func (id Identity) Who() share.Who {
	member := id.Principal.IsNode() || id.Principal == "" && id.Role != foci.RoleTransport
	return share.Who{Principal: id.Principal, Member: member}
}

// shares are the limits of this process that are divided among the peers that
// dial it.
type shares struct {
	mu    sync.Mutex
	conns *share.Pool // guarded by mu
}

// account is what the peer of one incoming channel holds of these limits,
// together with all others of the same principal: found once, when the channel
// is opened, so that no request has to look for it.
type account struct {
	conns *share.Part
}

func (s *shares) init(l *Limits) {
	s.conns = share.New(int64(l.Conns))
}

// open takes a connection for a peer.
func (s *shares) open(who share.Who) (*account, error) {
	if mutant.On(mutant.ConnectionShare) {
		who = share.Who{Member: true}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &account{conns: s.conns.Join(who)}
	defer s.conns.Leave(a.conns)
	if !s.conns.Take(a.conns, 1) {
		return nil, &foci.Error{
			Kind: foci.Busy, Msg: "too many connections: " + s.conns.Why(a.conns, 1), RetryAfter: time.Second,
			Fix: "close some, or spread them over the nodes",
		}
	}
	return a, nil
}

// close gives a connection back.
func (s *shares) close(a *account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns.Give(a.conns, 1)
}

// topHolders is how many principals Stats names of each limit.
const topHolders = 5

// ShareStats is what is in use of one limit, and who holds the most of it.
type ShareStats struct {
	Used  int64        `json:"used"`
	Limit int64        `json:"limit"`
	Top   []share.Held `json:"top,omitempty"`
}

func shareStats(p *share.Pool) ShareStats {
	return ShareStats{Used: p.Used(), Limit: p.Limit(), Top: p.Top(topHolders)}
}

// SharesStats are the limits that are divided among peers.
type SharesStats struct {
	Conns ShareStats `json:"connections"`
}

func (s *shares) stats() SharesStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return SharesStats{Conns: shareStats(s.conns)}
}
