package mesh

import (
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

const (
	// neverRefused is the longest reply that is never refused for want of memory: an
	// acknowledgement must not turn into busy. Requests in hand bound them, and a
	// channel on which many wait is read no further.
	neverRefused = 4 << 10

	// sourceCost is what a reply from a source counts for, besides its head: the
	// piece that the writer has in hand, and a block that the source may keep.
	sourceCost = frame.MaxFrame + frame.MaxPiece + 4<<10

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
		return a.size + frame.HeaderSize
	}
	n := int64(len(a.head)) + sourceCost
	if h, ok := a.source.(holder); ok {
		n += h.Held()
	}
	return n
}

// exchange returns what a request was counted for and counts its reply instead.
// A reply that may not be held becomes busy, unless it is short. over says that
// the replies of the channel's peer fill what it may hold.
func (ch *channel) exchange(in *Incoming, a *answer) (n int64, over bool) {
	s, part := &ch.mesh.shares, in.account.replies
	n = a.memory()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(ch, in)
	if in.rebilled() {
		defer s.settle(in.account)
	}
	switch {
	case n <= neverRefused || a.flags&frame.FlagError != 0 || in.account.vital || mutant.On(mutant.ReplyBudget):
	case s.replies.Take(part, n):
		return n, false
	default:
		*a = failure(busy("node " + ch.mesh.cfg.Node.Short() + " holds too many bytes of replies that were not read: " + s.replies.Why(part, n)))
		n = a.memory()
	}
	s.replies.Force(part, n)
	return n, s.replies.Over(ch.account.replies)
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
func (in *Incoming) recount(n int64, a *answer) int64 {
	to := a.memory()
	if to != n {
		in.unread(n - to)
	}
	return to
}

// unread gives back what a reply counted for that was written, or never will be.
func (in *Incoming) unread(n int64) {
	s := &in.ch.mesh.shares
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies.Give(in.account.replies, n)
}

// unwritten is what the short replies in a queue count for.
type unwritten struct {
	own    int64  // those to the channel's peer
	others []owed // those to askers whose requests it has passed on
}

// owed is what replies to one of these count for.
type owed struct {
	part *share.Part
	n    int64
}

// add adds a reply that counts for n bytes.
func (u *unwritten) add(in *Incoming, n int64) {
	last := len(u.others) - 1
	switch part := in.account.replies; {
	case !in.rebilled():
		u.own += n
	case last >= 0 && u.others[last].part == part:
		u.others[last].n += n
	default:
		u.others = append(u.others, owed{part, n})
	}
}

// unread gives back what replies counted for that were written, or never will be.
func (ch *channel) unread(u unwritten) {
	if u.own == 0 && len(u.others) == 0 {
		return
	}
	s := &ch.mesh.shares
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.own > 0 {
		s.replies.Give(ch.account.replies, u.own)
	}
	for _, o := range u.others {
		s.replies.Give(o.part, o.n)
	}
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
	return s.replies.Take(ch.account.replies, frame.MaxFrame)
}

// drained waits until the short replies that wait are being written.
func (ch *channel) drained() {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	for ch.clogged.Load() && ch.err == nil {
		ch.flows.Wait()
	}
}
