package stream

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// Server is the listening side of a channel: it receives requests, passes them to the
// handler and sends the replies.
type Server struct {
	conn
	account *account // what the peer holds of the shares
	inUse   Budget   // requests in hand of this channel

	clogged atomic.Bool // too many replies wait to read more requests; set under mu
	flows   sync.Cond   // the reader, while clogged
	swept   time.Time   // guarded by mu
	orphans []*Body     // of requests that were arriving when it was closed; guarded by mu until then
}

// NewServer returns the listening side of a channel that a handshake has opened,
// unless its peer has too many. It does nothing before Run.
func NewServer(cfg *Config, o *handshake.Opened) (*Server, error) {
	a, err := cfg.Shares.open(o.Peer.Who(), o.Class)
	if err != nil {
		return nil, err
	}
	s := &Server{account: a}
	s.init(cfg, o, s)
	s.flows.L = &s.mu
	s.inUse.Limit(int64(o.Streams), cfg.ChannelBytes)
	return s, nil
}

// Run serves the channel until it is closed.
func (s *Server) Run() {
	s.run()
	for _, b := range s.orphans {
		if b.served.CompareAndSwap(false, true) { // no handler has received it
			s.release(b.in)
		}
	}
}

// pause blocks while too many short replies wait to be written (backpressure).
func (s *Server) pause() {
	if !s.clogged.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.clogged.Load() && s.err == nil {
		s.flows.Wait()
	}
}

// serve serves the frames of a dialling side.
func (s *Server) serve(f *frame.Reader, h *frame.Header) error {
	switch h.Type {
	case frame.Data:
		_, err := s.onData(f, h)
		return err
	case frame.Request:
		return s.onRequest(f, h)
	}
	contents, err := s.contents(f, h)
	if err != nil {
		return err
	}
	switch h.Type {
	case frame.Credit:
		return s.onCredit(h)
	case frame.Abort:
		s.onAbort(h, contents)
		return nil
	case frame.Ping:
		return s.onPing(contents)
	case frame.Cancel:
		s.onCancel(h)
		return nil
	}
	return misplaced(h)
}

// onRequest reads the first frame of a request, and serves the request when it is
// whole.
func (s *Server) onRequest(f *frame.Reader, h *frame.Header) error {
	whole, size := h.Whole(), int64(h.Head)+int64(h.Body)
	in := &Incoming{From: s.Peer, Class: s.Class, Method: h.Method, ch: s, account: s.account, id: h.Stream, size: size}
	lacks := s.admit(in, firstBytes(h))
	s.mu.Lock()
	st, err := s.streams.accept(h.Stream)
	if err == nil {
		st.left, st.credit = size, int64(s.cfg.Window)
		if !whole {
			err = s.spend(st, int64(h.Raw()))
		}
	}
	if err != nil {
		s.mu.Unlock()
		s.release(in)
		return err
	}
	s.load.Store(int32(s.streams.used))
	s.count.served.Add(1)
	st.in = in
	var b *Body
	if lacks == nil && !whole {
		b = newBody(&s.conn, h)
		b.in, st.body = in, b
	}
	s.mu.Unlock()
	switch {
	case lacks != nil:
		in.Fail(lacks)
		return s.skip(f, h, !whole)
	case !whole:
		return s.onPiece(f, h, b)
	}
	in.buf = frame.NewBuffer(h.Raw())
	damaged, err := f.Contents(h, in.buf.B)
	switch {
	case err != nil:
		in.Fail(err)
		return err
	case damaged:
		in.Fail(errDamaged)
		return nil
	}
	in.Head, in.Body = in.buf.B[:h.Head:h.Head], in.buf.B[h.Head:]
	s.cfg.Handler.Serve(in)
	return nil
}

// firstBytes returns how many bytes of a request count when its first frame arrives:
// those in the frame. Announced bytes do not count before they arrive.
func firstBytes(h *frame.Header) int64 {
	if mutant.On(mutant.AnnouncedBytes) {
		return int64(h.Head) + int64(h.Body)
	}
	return int64(h.Raw())
}

// deliver serves a long request whose head has arrived, or fails it.
func (s *Server) deliver(b *Body, failed error) {
	s.mu.Lock()
	st := s.take(b)
	if st == nil {
		s.mu.Unlock()
		return
	}
	in := st.in
	s.mu.Unlock()
	switch {
	case in == nil:
	case failed != nil:
		in.Fail(failed)
	default:
		if in.Head = b.head; b.size > 0 {
			in.stream = b
		}
		s.cfg.Handler.Serve(in)
	}
}

// onAbort ends a request that its sender cannot complete.
func (s *Server) onAbort(h *frame.Header, contents []byte) {
	cause := frame.DecodeError(s.Peer.Node, contents)
	s.mu.Lock()
	st := s.streams.get(h.Stream)
	if st == nil || st.left == 0 {
		s.mu.Unlock()
		return
	}
	b := st.body
	st.left = 0
	s.mu.Unlock()
	if b != nil {
		b.fail(cause)
		b.failHeadless(cause) // else the owner of the body has the error
	}
}

// onCancel cuts a request short: no more of its body will arrive and its reply is not
// wanted, but the reply must still end.
func (s *Server) onCancel(h *frame.Header) {
	s.mu.Lock()
	st := s.streams.get(h.Stream)
	if st == nil {
		s.mu.Unlock()
		return
	}
	in, b := st.in, st.body
	var after func()
	var hangUp *func()
	if in != nil {
		in.canceled.Store(true)
		hangUp = in.cancelRelay.Load()
	} else {
		after = s.drop(st.out)
		s.breakOff(st.out, errCanceledByPeer)
		s.end(h.Stream)
	}
	s.mu.Unlock()
	if after != nil {
		after()
	}
	if hangUp != nil {
		(*hangUp)()
	}
	if b == nil {
		return
	}
	b.fail(errCanceledByPeer)
	b.failHeadless(errCanceledByPeer)
}

// onPing answers a ping, and counts the answer as a short reply.
func (s *Server) onPing(contents []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.answerPing(contents)
	if err != nil || s.err != nil {
		return err
	}
	s.unwritten.own += n
	if s.overdue(n) && len(s.out) > clogged {
		s.clogged.Store(true)
	}
	return nil
}

// GoAway asks the peer for no new requests. When the last reply is written the
// channel closes.
func (s *Server) GoAway() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drain = true
	if s.err == nil {
		s.control(frame.Header{Type: frame.GoAway}, nil)
	}
}

// emptied lets a paused reader continue.
func (s *Server) emptied() {
	if s.clogged.Load() {
		s.clogged.Store(false)
		s.flows.Broadcast()
	}
}

// finished reports whether the last reply after GoAway has been written.
func (s *Server) finished() bool { return s.drain && s.streams.used == 0 }

// last ends a stream: the peer may use its slot again once it has the last piece
// of the reply.
func (s *Server) last(id uint32) { s.end(id) }

func (s *Server) unwanted(uint32) {}

// broken ends a reply whose body cannot be read: it aborts the reply, or sends the
// error in its place when nothing was sent. The peer gets the kind of the cause: a
// record can be damaged in the middle.
func (s *Server) broken(p *piece, cause error) {
	w := frame.EncodeError(foci.Errorf(foci.KindOf(cause), "reading a body to be sent, at byte %d: %w", p.off, cause))
	id := p.o.header.Stream
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(p.o)
	if p.off > 0 {
		s.abort(id, &w)
	} else {
		s.answerError(id, &w)
	}
	s.end(id)
}

// Close ends the channel, once. Its requests are canceled.
func (s *Server) Close(why error) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	var bodies []*Body
	var after []func()
	s.streams.each(func(st *stream) {
		if st.body != nil {
			bodies = append(bodies, st.body)
			if st.in != nil {
				s.orphans = append(s.orphans, st.body)
			}
		}
		if st.in != nil {
			st.in.canceled.Store(true)
			if f := st.in.cancelRelay.Load(); f != nil {
				after = append(after, *f)
			}
		}
		after = append(after, s.drop(st.out)) // a reply ends with its channel
	})
	queued := s.shut(why)
	s.flows.Broadcast()
	s.mu.Unlock()
	s.unread(queued)

	s.hangUp()
	s.cfg.Closed(s, why)
	s.cfg.Shares.close(s.account)
	for _, b := range bodies {
		b.fail(s.lost(why))
	}
	for _, f := range after {
		if f != nil {
			f()
		}
	}
}
