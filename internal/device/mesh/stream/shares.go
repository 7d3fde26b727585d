package stream

import (
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/share"
)

// Shares are the limits of this process that are divided among the peers that
// dial it.
type Shares struct {
	mu       sync.Mutex // guards what follows, and Incoming.held; no other lock is taken under it
	conns    *share.Pool
	requests *share.Pool // in flight here
	bytes    *share.Pool // of these that are in memory
	replies  *share.Pool // bytes of replies in memory
	relays   *share.Pool // requests that are relayed for others
	relayed  *share.Pool // bytes of these that may wait here
	self     account     // of requests that this process asks itself

	relayStats
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

// Limits are what one process holds at most for the peers that dial it.
type Limits struct {
	Conns      int64
	Requests   int64 // in hand
	Bytes      int64 // of these that are in memory
	ReplyBytes int64 // of replies that are in memory
	Relays     int64 // requests that are relayed
	RelayBytes int64 // that may wait here of these
}

// NewShares divides limits among peers.
func NewShares(l *Limits) *Shares {
	s := &Shares{
		conns: share.New(l.Conns), requests: share.New(l.Requests), bytes: share.New(l.Bytes), replies: share.New(l.ReplyBytes),
		relays: share.New(l.Relays), relayed: share.New(l.RelayBytes),
	}
	s.self = s.join(share.Who{Member: true})
	return s
}

// join finds the shares of a peer; mu is held.
func (s *Shares) join(who share.Who) account {
	return account{
		conns: s.conns.Join(who), requests: s.requests.Join(who), bytes: s.bytes.Join(who), replies: s.replies.Join(who),
		relays: s.relays.Join(who), relayed: s.relayed.Join(who),
	}
}

// leave ends join; mu is held.
func (s *Shares) leave(a *account) {
	s.conns.Leave(a.conns)
	s.requests.Leave(a.requests)
	s.bytes.Leave(a.bytes)
	s.replies.Leave(a.replies)
	s.relays.Leave(a.relays)
	s.relayed.Leave(a.relayed)
}

// open takes a connection of a class for a peer.
func (s *Shares) open(who share.Who, class foci.Class) (*account, error) {
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
func (s *Shares) close(a *account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns.Give(a.conns, 1)
	s.leave(a)
}

// take takes a request that begins with n bytes, or says why it cannot.
func (s *Shares) take(a *account, n int64) (why string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.charge(a, n)
}

// charge is take with mu held.
func (s *Shares) charge(a *account, n int64) (why string, ok bool) {
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
func (s *Shares) give(a *account, n int64) {
	s.requests.Give(a.requests, 1)
	s.bytes.Give(a.bytes, n)
}

// local takes a request of this process to itself.
func (s *Shares) local(n int64) (give func(), err error) {
	if why, ok := s.take(&s.self, n); !ok {
		return nil, busy("this process is serving too many requests: " + why)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.give(&s.self, n)
	}, nil
}

// admit counts an incoming request, with the n bytes of it that have arrived.
func (s *Server) admit(in *Incoming, n int64) error {
	if !s.inUse.take(n) {
		return busy("node " + s.cfg.Node.Short() + " is serving too many requests of this channel")
	}
	if why, ok := s.cfg.Shares.take(in.account, n); !ok {
		s.inUse.give(n)
		return busy("node " + s.cfg.Node.Short() + " is serving too many requests, " + why)
	}
	in.held, in.counted = n, true
	return nil
}

// grow counts a request for at least n bytes; an error above the limits.
func (in *Incoming) grow(n int64) error {
	ch, shares := in.ch, in.ch.cfg.Shares
	shares.mu.Lock()
	defer shares.mu.Unlock()
	switch {
	case n <= in.held || !in.counted: // an answered request counts for nothing
		return nil
	case !ch.inUse.raise(in.held, n):
		return busy("node " + ch.cfg.Node.Short() + " holds too many bytes of requests of this channel")
	case in.account.vital:
		shares.bytes.Force(in.account.bytes, n-in.held)
	case !shares.bytes.Grow(in.account.bytes, in.held, n):
		ch.inUse.bytes.Add(in.held - n)
		return busy("node " + ch.cfg.Node.Short() + " holds too many bytes of requests: " + shares.bytes.Why(in.account.bytes, n-in.held))
	}
	in.held = n
	return nil
}

// release returns what an incoming request was counted for.
func (s *Server) release(in *Incoming) {
	shares := s.cfg.Shares
	shares.mu.Lock()
	defer shares.mu.Unlock()
	shares.release(s, in)
}

// release is [Server.release] with mu held.
func (s *Shares) release(ch *Server, in *Incoming) {
	if in.counted {
		in.counted = false
		ch.inUse.give(in.held)
		s.give(in.account, in.held)
	}
}

// Rebill counts a request that the peer relays against its asker from now on: the
// request, its bytes and its reply. The handler calls it first, before anything else
// may answer the request. After an error the request counts for nothing, and the
// handler must fail it with that error.
func (in *Incoming) Rebill(asker share.Who) error {
	ch := in.ch
	if ch == nil || mutant.On(mutant.RelayPays) { // a request of this process's own stays its own
		return nil
	}
	s := ch.cfg.Shares
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
		return busy("node " + ch.cfg.Node.Short() + " is serving too many requests, " + why)
	}
	in.account = a
	return nil
}

// rebilled reports whether a request counts against another than the channel's peer.
func (in *Incoming) rebilled() bool { return in.account != in.ch.account }

// settle ends the account of one request. What its reply counts for stays
// counted; mu is held.
func (s *Shares) settle(a *account) {
	s.requests.Leave(a.requests)
	s.bytes.Leave(a.bytes)
	s.replies.Leave(a.replies)
}
