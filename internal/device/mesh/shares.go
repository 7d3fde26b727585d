package mesh

import (
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/share"
)

// shares are the limits of this process that are divided among the peers that
// dial it.
type shares struct {
	mu       sync.Mutex // guards what follows, and Incoming.held; no other lock is taken under it
	conns    *share.Pool
	requests *share.Pool // in flight here
	bytes    *share.Pool // of these that are in memory
	replies  *share.Pool // bytes of replies in memory
	relays   *share.Pool // requests that are passed on for others
	relayed  *share.Pool // bytes of these that may wait here
	self     account     // of requests that this process asks itself
}

// account is what the peer of one incoming channel holds of these limits,
// together with all others of the same principal: found once, when the channel
// is opened, so that no request has to look for it.
type account struct {
	conns    *share.Part
	requests *share.Part
	bytes    *share.Part
	replies  *share.Part
	relays   *share.Part
	relayed  *share.Part
	vital    bool // what keeps the mesh itself alive is counted and not refused
}

func (s *shares) init(l *Limits) {
	s.conns, s.requests, s.bytes = share.New(int64(l.Conns)), share.New(l.Requests), share.New(l.Bytes)
	s.replies = share.New(l.ReplyBytes)
	s.relays, s.relayed = share.New(l.Relays), share.New(l.RelayBytes)
	s.self = s.join(share.Who{Member: true})
}

// join finds the parts of a peer; mu is held.
func (s *shares) join(who share.Who) account {
	return account{
		conns: s.conns.Join(who), requests: s.requests.Join(who), bytes: s.bytes.Join(who), replies: s.replies.Join(who),
		relays: s.relays.Join(who), relayed: s.relayed.Join(who),
	}
}

// leave ends join; mu is held.
func (s *shares) leave(a *account) {
	s.conns.Leave(a.conns)
	s.requests.Leave(a.requests)
	s.bytes.Leave(a.bytes)
	s.replies.Leave(a.replies)
	s.relays.Leave(a.relays)
	s.relayed.Leave(a.relayed)
}

// open takes a connection of a class for a peer.
func (s *shares) open(who share.Who, class foci.Class) (*account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.join(who)
	a.vital = who.Member && vital(class)
	if !s.conns.Take(a.conns, 1) && !mutant.On(mutant.ConnectionShare) {
		defer s.leave(&a)
		return nil, &foci.Error{
			Kind: foci.Busy, Msg: "too many connections: " + s.conns.Why(a.conns, 1), RetryAfter: time.Second,
			Fix: "close some, or spread them over the nodes",
		}
	}
	return &a, nil
}

// close gives a connection back.
func (s *shares) close(a *account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns.Give(a.conns, 1)
	s.leave(a)
}

// take takes a request that begins with n bytes, or says why it cannot.
func (s *shares) take(a *account, n int64) (why string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.charge(a, n)
}

// charge does it when mu is held.
func (s *shares) charge(a *account, n int64) (why string, ok bool) {
	switch {
	case a.vital:
		s.requests.Force(a.requests, 1)
		s.bytes.Force(a.bytes, n)
	case !s.requests.Take(a.requests, 1):
		return "requests: " + s.requests.Why(a.requests, 1), false
	case !s.bytes.Take(a.bytes, n):
		s.requests.Give(a.requests, 1)
		return "bytes: " + s.bytes.Why(a.bytes, n), false
	}
	return "", true
}

// give returns a request and the n bytes that it held at last; mu is held.
func (s *shares) give(a *account, n int64) {
	s.requests.Give(a.requests, 1)
	s.bytes.Give(a.bytes, n)
}

// takeRelay takes a request that is passed on and of which n bytes may wait here.
func (s *shares) takeRelay(r *relay, n int64) bool {
	a := r.in.ch.account
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.relays.Take(a.relays, 1) && !mutant.On(mutant.RelayShare) {
		return false
	}
	if !s.relayed.Take(a.relayed, n) {
		s.relays.Give(a.relays, 1)
		return false
	}
	r.held = n
	return true
}

// growRelay adds more bytes that may wait here; false, and nothing, when they are
// too many or it is over.
func (s *shares) growRelay(r *relay, more int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.over || !s.relayed.Grow(r.in.ch.account.relayed, r.held, r.held+more) {
		return false
	}
	r.held += more
	return true
}

// endRelay gives back what one held; true the first time.
func (s *shares) endRelay(r *relay) bool {
	a := r.in.ch.account
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.over {
		return false
	}
	r.over = true
	s.relays.Give(a.relays, 1)
	s.relayed.Give(a.relayed, r.held)
	return true
}

// local takes a request that this process asks itself.
func (s *shares) local(n int64) (give func(), err error) {
	if why, ok := s.take(&s.self, n); !ok {
		return nil, busy("this process has too many requests in hand: " + why)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.give(&s.self, n)
	}, nil
}

// admit counts a request that came in, with the n bytes of it that are there.
func (ch *channel) admit(in *Incoming, n int64) error {
	if !ch.inUse.take(n) {
		return busy("node " + ch.mesh.cfg.Node.Short() + " has too many requests of this channel in hand")
	}
	if why, ok := ch.mesh.shares.take(in.account, n); !ok {
		ch.inUse.give(n)
		return busy("node " + ch.mesh.cfg.Node.Short() + " has too many requests in hand, " + why)
	}
	in.held, in.counted = n, true
	return nil
}

// grow has a request hold n bytes, if it holds less; an error if it may not.
func (ch *channel) grow(in *Incoming, n int64) error {
	s := &ch.mesh.shares
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case n <= in.held || !in.counted: // what was answered holds nothing that counts
		return nil
	case !ch.inUse.raise(in.held, n):
		return busy("node " + ch.mesh.cfg.Node.Short() + " has too many bytes of this channel in hand")
	case in.account.vital:
		s.bytes.Force(in.account.bytes, n-in.held)
	case !s.bytes.Grow(in.account.bytes, in.held, n):
		ch.inUse.bytes.Add(in.held - n)
		return busy("node " + ch.mesh.cfg.Node.Short() + " has too much in hand, bytes: " + s.bytes.Why(in.account.bytes, n-in.held))
	}
	in.held = n
	return nil
}

// release returns what a request that came in was counted for.
func (ch *channel) release(in *Incoming) {
	s := &ch.mesh.shares
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(ch, in)
}

// release does it when mu is held.
func (s *shares) release(ch *channel, in *Incoming) {
	if in.counted {
		in.counted = false
		ch.inUse.give(in.held)
		s.give(in.account, in.held)
	}
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
	Conns    ShareStats `json:"connections"`
	Requests ShareStats `json:"requests"`
	Bytes    ShareStats `json:"bytes"`       // of requests in hand
	Replies  ShareStats `json:"reply_bytes"` // in memory

	Relays     ShareStats `json:"relays"`      // requests that are passed on for others
	RelayBytes ShareStats `json:"relay_bytes"` // of these that may wait here
}

// Each calls f for each limit with its name.
func (s *SharesStats) Each(f func(limit string, is *ShareStats)) {
	f("connections", &s.Conns)
	f("requests", &s.Requests)
	f("bytes", &s.Bytes)
	f("reply_bytes", &s.Replies)
	f("relays", &s.Relays)
	f("relay_bytes", &s.RelayBytes)
}

func (s *shares) stats() SharesStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return SharesStats{
		Conns: shareStats(s.conns), Requests: shareStats(s.requests), Bytes: shareStats(s.bytes), Replies: shareStats(s.replies),
		Relays: shareStats(s.relays), RelayBytes: shareStats(s.relayed),
	}
}
