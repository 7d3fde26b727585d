package mesh

import (
	"errors"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// errGone says that a channel takes no requests any more; another may.
var errGone = errors.New("the channel is closing")

// send queues a request. On an error nothing was done and Done is not called.
func (ch *channel) send(q *Request) error {
	h := frame.Header{Type: frame.Request, Method: q.Method, Head: uint32(len(q.Head))}
	h.Body = uint32(q.size - int64(len(q.Head)))
	if q.copied { // checksums need no lock
		h.Size = uint32(q.size)
		h.Sum = frame.Checksum(frame.Checksum(0, q.Head), q.Body)
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.err != nil || ch.drain {
		return errGone
	}
	if q.copied && q.moves == 0 && int64(len(ch.out)) > ch.mesh.cfg.Limits.QueueBytes {
		return busy("too much waits to be written to node " + ch.peer.Node.Short())
	}
	s := ch.streams.open()
	if s == nil {
		return busy("too many requests in flight on one channel to node " + ch.peer.Node.Short())
	}
	q.channel.Store(ch)
	if q.finished.Load() { // canceled while it waited for a channel
		ch.end(s.id)
		return nil
	}
	q.id, q.out = s.id, nil // from here on Cancel comes to this channel
	q.sent.Store(true)
	ch.load.Store(int32(ch.streams.used))
	s.req = q
	h.Stream = s.id
	ch.count.sent.Add(1)
	if q.copied {
		ch.out = append(append(frame.AppendHeader(ch.out, &h), q.Head...), q.Body...)
		ch.outN++
	} else {
		q.out = &outgoing{header: h, head: q.Head, body: q.Body, source: q.Source, size: q.size, credit: int64(ch.theirs), pack: ch.packs(q.size - int64(len(q.Head)))}
		s.out = q.out
		q.out.follow()
		ch.heavy.Add(q.size)
		ch.sendq.add(q.out)
	}
	ch.rouse()
	return nil
}

// answer is the reply to a request that came in.
type answer struct {
	flags  uint8
	head   []byte
	body   []byte
	source Source
	size   int64
}

// reply queues the answer to a request that came in.
func (ch *channel) reply(in *Incoming, a answer) {
	unused := a.source
	n, over := ch.exchange(in, &a)
	ch.mu.Lock()
	s := ch.streams.get(in.id)
	if s == nil || s.in != in { // the channel was lost
		ch.mu.Unlock()
		in.unread(n)
		closeSource(unused)
		in.free()
		return
	}
	body := s.body
	s.body = nil
	switch waiting := ch.heavy.Load(); {
	case len(a.head) > wire.MaxHead || a.size-int64(len(a.head)) > wire.MaxBody:
		a = failure(foci.Errorf(foci.TooLarge, "the answer would have %d bytes of head and %d of body", len(a.head), a.size-int64(len(a.head))))
	case in.canceled.Load():
		a = failure(errCanceledThere)
	case a.size > copyMax && waiting > 0 && waiting+a.size > ch.mesh.cfg.Limits.ChannelBytes:
		a = failure(busy("too much is being sent back on this channel"))
	}
	if a.source != nil {
		unused = nil
	}
	ch.enqueueReply(s, in, &a, in.recount(n, &a))
	if over && len(ch.out) > clogged {
		ch.clogged.Store(true)
	}
	flood := int64(len(ch.out)) > ch.mesh.cfg.Limits.ChannelBytes
	ch.mu.Unlock()
	closeSource(unused)
	if body != nil {
		body.discard()
	}
	if flood {
		ch.close(foci.Errorf(foci.Protocol, "the peer does not read its replies: %d bytes wait", ch.mesh.cfg.Limits.ChannelBytes))
	}
}

// enqueueReply hands a reply that counts for n bytes to the writer and, when it
// is a short one, ends the stream. ch.mu is held.
func (ch *channel) enqueueReply(s *stream, in *Incoming, a *answer, n int64) {
	h := frame.Header{
		Type: frame.Reply, Flags: a.flags, Stream: in.id,
		Head: uint32(len(a.head)), Body: uint32(a.size - int64(len(a.head))),
	}
	ch.count.sent.Add(1)
	packs := a.flags == 0 && ch.packs(a.size-int64(len(a.head)))
	if a.source == nil && a.size <= copyMax && !packs {
		ch.out = frame.Append(ch.out, &h, a.head, a.body)
		ch.outN++
		ch.unwritten.add(in, n)
		ch.end(in.id)
		in.free()
	} else {
		source := a.source
		s.in = nil
		s.out = &outgoing{
			header: h, head: a.head, body: a.body, source: source, size: a.size, credit: int64(ch.theirs), pack: packs,
			after: func() {
				closeSource(source)
				in.unread(n)
				in.free()
			},
		}
		s.out.follow()
		ch.heavy.Add(a.size)
		ch.sendq.add(s.out)
	}
	ch.rouse()
}

var errCanceledThere = foci.Errorf(foci.Canceled, "canceled by the one who asked")

func failure(err error) answer {
	w := frame.EncodeError(err)
	return failureOf(&w)
}

func failureOf(w *wire.Error) answer {
	head := w.Append(nil)
	return answer{flags: frame.FlagError, head: head, size: int64(len(head))}
}
