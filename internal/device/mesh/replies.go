package mesh

import (
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
)

const (
	// neverRefused is the longest reply that is never refused for want of memory: an
	// acknowledgement must not turn into busy. Requests in hand bound them, and a
	// channel on which many wait is read no further.
	neverRefused = 4 << 10

	// sourceCost is what a reply from a source counts for, besides its head: the
	// piece that the writer has in hand, and a block that the source may keep.
	sourceCost = wire.MaxFrame + wire.MaxPiece + 4<<10

	// clogged is how many bytes of short replies may wait on a channel of a peer
	// whose replies fill what it may hold; more requests are not read until they
	// are written.
	clogged = 64 << 10
)

// holder is a source that keeps more in memory than a block.
type holder interface{ Held() int64 }

// memory is what a reply counts for until it is written.
func (a *answer) memory() int64 {
	if a.source == nil {
		return a.size + wire.HeaderSize
	}
	n := int64(len(a.head)) + sourceCost
	if h, ok := a.source.(holder); ok {
		n += h.Held()
	}
	return n
}

// exchange returns what a request was counted for and counts its reply instead.
// A reply that may not be held becomes busy, unless it is short. over says that
// the peer's replies fill what it may hold.
func (ch *channel) exchange(in *Incoming, a *answer) (n int64, over bool) {
	s, part := &ch.mesh.shares, ch.account.replies
	n = a.memory()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(ch, in)
	switch {
	case n <= neverRefused || a.flags&wire.FlagError != 0 || ch.account.vital || mutant.On(mutant.ReplyBudget):
	case s.replies.Take(part, n):
		return n, false
	default:
		*a = failure(busy("node " + ch.mesh.cfg.Node.Short() + " holds too many bytes of replies that were not read: " + s.replies.Why(part, n)))
		n = a.memory()
	}
	s.replies.Force(part, n)
	return n, s.replies.Over(part)
}

// overdue counts n bytes more of what is queued anyway, and reports whether the
// peer's replies fill what it may hold.
func (ch *channel) overdue(n int64) bool {
	s := &ch.mesh.shares
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies.Force(ch.account.replies, n)
	return s.replies.Over(ch.account.replies)
}

// recount changes what a reply counts for from n to that of another in its place.
func (ch *channel) recount(n int64, a *answer) int64 {
	to := a.memory()
	if to != n {
		ch.unread(n - to)
	}
	return to
}

// unread gives back what replies counted for that were written, or never will be.
func (ch *channel) unread(n int64) {
	if n == 0 {
		return
	}
	s := &ch.mesh.shares
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies.Give(ch.account.replies, n)
}

// scratch counts memory for one more piece of a long reply at a time; false when
// there is none.
func (ch *channel) scratch() bool {
	if ch.account == nil {
		return true
	}
	s := &ch.mesh.shares
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replies.Take(ch.account.replies, wire.MaxFrame)
}

// drained waits until the short replies that wait are being written.
func (ch *channel) drained() {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	for ch.clogged.Load() && ch.err == nil {
		ch.flows.Wait()
	}
}
