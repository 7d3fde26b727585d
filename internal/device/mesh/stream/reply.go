package stream

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// answer is the reply to an incoming request.
type answer struct {
	flags  uint8
	head   []byte
	body   []byte
	source Source
	size   int64
}

// reply queues the answer to a request.
func (s *Server) reply(in *Incoming, a answer) {
	unused := a.source
	n, over := s.exchange(in, &a)
	s.mu.Lock()
	st := s.streams.get(in.id)
	if st == nil || st.in != in { // the channel was lost
		s.mu.Unlock()
		in.unread(n)
		closeSource(unused)
		in.free()
		return
	}
	body := st.body
	st.body = nil
	switch waiting := s.heavy.Load(); {
	case len(a.head) > wire.MaxHead || a.size-int64(len(a.head)) > wire.MaxBody:
		a = failure(foci.Errorf(foci.TooLarge, "the answer would have %d bytes of head and %d of body", len(a.head), a.size-int64(len(a.head))))
	case in.canceled.Load():
		a = failure(errCanceledByPeer)
	case a.size > copyMax && waiting > 0 && waiting+a.size > s.cfg.ChannelBytes:
		a = failure(busy("too much is being sent back on this channel"))
	}
	if a.source != nil {
		unused = nil
	}
	s.enqueueReply(st, in, &a, in.recount(n, &a))
	if over && len(s.out) > clogged {
		s.clogged.Store(true)
	}
	flood := int64(len(s.out)) > s.cfg.ChannelBytes
	s.mu.Unlock()
	closeSource(unused)
	if body != nil {
		body.discard()
	}
	if flood {
		s.Close(foci.Errorf(foci.Protocol, "the peer does not read its replies: %d bytes wait", s.cfg.ChannelBytes))
	}
}

// enqueueReply hands a reply that counts for n bytes to the writer and, when it
// is a short one, ends the stream. s.mu is held.
func (s *Server) enqueueReply(st *stream, in *Incoming, a *answer, n int64) {
	h := frame.Header{
		Type: frame.Reply, Flags: a.flags, Stream: in.id,
		Head: uint32(len(a.head)), Body: uint32(a.size - int64(len(a.head))),
	}
	s.count.sent.Add(1)
	packs := a.flags == 0 && s.packs(a.size-int64(len(a.head)))
	if a.source == nil && a.size <= copyMax && !packs {
		s.out = frame.Append(s.out, &h, a.head, a.body)
		s.outN++
		s.unwritten.add(in, n)
		s.end(in.id)
		in.free()
	} else {
		source := a.source
		st.in = nil
		s.send(st, &outgoing{
			header: h, head: a.head, body: a.body, source: source, size: a.size, credit: int64(s.Window), pack: packs,
			after: func() {
				closeSource(source)
				in.unread(n)
				in.free()
			},
		})
	}
	s.rouse()
}

var errCanceledByPeer = foci.Errorf(foci.Canceled, "canceled by the caller")

func failure(err error) answer {
	w := frame.EncodeError(err)
	return failureOf(&w)
}

func failureOf(w *wire.Error) answer {
	head := w.Append(nil)
	return answer{flags: frame.FlagError, head: head, size: int64(len(head))}
}

// breakOff aborts a reply, or replaces it by an error when nothing of it was sent;
// s.mu is held.
func (s *Server) breakOff(o *outgoing, err error) {
	w := frame.EncodeError(err)
	if o.off == 0 {
		s.answerError(o.header.Stream, &w)
	} else {
		s.abort(o.header.Stream, &w)
	}
}

// answerError queues an error in place of a reply that has not begun; s.mu is
// held.
func (s *Server) answerError(id uint32, w *wire.Error) {
	a := failureOf(w)
	s.control(frame.Header{Type: frame.Reply, Flags: a.flags, Stream: id, Head: uint32(a.size)}, a.head)
}

const (
	// neverRefused is the longest reply that is never refused for want of memory: an
	// acknowledgement must not turn into Busy. The number of requests bounds these
	// replies, and a channel on which many wait is read no further.
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

// memory returns the bytes that a reply counts for until it is written.
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
func (s *Server) exchange(in *Incoming, a *answer) (n int64, over bool) {
	shares, part := s.cfg.Shares, in.account.replies
	n = a.memory()
	shares.mu.Lock()
	defer shares.mu.Unlock()
	shares.release(s, in)
	if in.rebilled() {
		defer shares.settle(in.account)
	}
	switch {
	case n <= neverRefused || a.flags&frame.FlagError != 0 || in.account.vital || mutant.On(mutant.ReplyBudget):
	case shares.replies.Take(part, n):
		return n, false
	default:
		*a = failure(busy("node " + s.cfg.Node.Short() + " holds too many bytes of replies that were not read: " + shares.replies.Why(part, n)))
		n = a.memory()
	}
	shares.replies.Force(part, n)
	return n, shares.replies.Over(s.account.replies)
}

// overdue counts n bytes more of what is queued anyway, and reports whether the
// peer's replies fill what it may hold.
func (s *Server) overdue(n int64) bool {
	shares := s.cfg.Shares
	shares.mu.Lock()
	defer shares.mu.Unlock()
	shares.replies.Force(s.account.replies, n)
	return shares.replies.Over(s.account.replies)
}

// recount replaces the n bytes counted for a reply by those of another reply.
func (in *Incoming) recount(n int64, a *answer) int64 {
	to := a.memory()
	if to != n {
		in.unread(n - to)
	}
	return to
}

// unread returns the bytes of a reply that was written, or never will be.
func (in *Incoming) unread(n int64) {
	shares := in.ch.cfg.Shares
	shares.mu.Lock()
	defer shares.mu.Unlock()
	shares.replies.Give(in.account.replies, n)
}

// unwritten is what the short replies in a queue count for.
type unwritten struct {
	own    int64  // those to the channel's peer
	others []owed // those to askers whose requests it has relayed
}

// owed is the bytes that the replies to one asker count for.
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
func (s *Server) unread(u unwritten) {
	if u.own == 0 && len(u.others) == 0 {
		return
	}
	shares := s.cfg.Shares
	shares.mu.Lock()
	defer shares.mu.Unlock()
	if u.own > 0 {
		shares.replies.Give(s.account.replies, u.own)
	}
	for _, o := range u.others {
		shares.replies.Give(o.part, o.n)
	}
}

// scratch counts memory for one more piece of a long reply that is written at a
// time; false when there is none.
func (s *Server) scratch() bool {
	shares := s.cfg.Shares
	shares.mu.Lock()
	defer shares.mu.Unlock()
	return shares.replies.Take(s.account.replies, frame.MaxFrame)
}
