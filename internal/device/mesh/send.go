package mesh

import (
	"errors"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// errGone says that a channel takes no requests any more; another may.
var errGone = errors.New("the channel is closing")

// send queues a request. On an error nothing was done and Done is not called.
func (ch *channel) send(q *Request) error {
	copied := q.Source == nil && q.size <= copyMax
	h := wire.Header{Type: wire.FrameRequest, Method: q.Method, Head: uint32(len(q.Head))}
	h.Body = uint32(q.size - int64(len(q.Head)))
	if copied { // checksums need no lock
		h.Size = uint32(q.size)
		h.Sum = wire.Checksum(wire.Checksum(0, q.Head), q.Body)
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.err != nil || ch.drain {
		return errGone
	}
	if copied && int64(len(ch.out)) > ch.mesh.cfg.Limits.QueueBytes {
		return busy("too much waits to be written to node " + ch.peer.Node.Short())
	}
	s := ch.streams.open()
	if s == nil {
		return busy("too many requests in flight on one channel to node " + ch.peer.Node.Short())
	}
	q.id = s.id
	q.channel.Store(ch)
	if q.finished.Load() { // canceled while it waited for a channel
		ch.end(s.id)
		return nil
	}
	ch.load.Store(int32(ch.streams.used))
	s.req = q
	h.Stream = s.id
	ch.count.sent.Add(1)
	if copied {
		ch.out = append(append(wire.AppendHeader(ch.out, &h), q.Head...), q.Body...)
		ch.outN++
	} else {
		q.out = &outgoing{header: h, head: q.Head, body: q.Body, source: q.Source, size: q.size, credit: int64(ch.theirs)}
		s.out = q.out
		ch.heavy.Add(q.size)
		ch.sendq.add(q.out)
	}
	ch.rouse()
	return nil
}

// reply queues the answer to a request that came in.
func (ch *channel) reply(in *Incoming, o *outgoing) {
	ch.release(in)
	if len(o.head) > wire.MaxHead || o.size-int64(len(o.head)) > wire.MaxBody {
		closeSource(o.source)
		err := wireError(foci.Errorf(foci.TooLarge, "the answer would have %d bytes of head and %d of body", len(o.head), o.size-int64(len(o.head))))
		o = errorReply(&err)
	}
	var body *Body
	ch.mu.Lock()
	s := ch.streams.get(in.id)
	if s == nil || s.in != in { // the channel was lost
		ch.mu.Unlock()
		closeSource(o.source)
		in.free()
		return
	}
	body, s.body = s.body, nil
	source := o.source
	switch {
	case in.canceled.Load():
		o = canceledReply()
	case o.size > copyMax && ch.heavy.Load() > 0 && ch.heavy.Load()+o.size > ch.mesh.cfg.Limits.ChannelBytes:
		o = busyReply()
	default:
		source = nil
	}
	flood := ch.enqueueReply(s, in, o)
	ch.mu.Unlock()
	closeSource(source)
	if body != nil {
		body.discard()
	}
	if flood {
		ch.close(foci.Errorf(foci.Protocol, "the peer does not read its replies: %d bytes wait", ch.mesh.cfg.Limits.ChannelBytes))
	}
}

// enqueueReply hands a reply to the writer and, when it is a short one, ends
// the stream. It reports that too much is waiting. ch.mu is held.
func (ch *channel) enqueueReply(s *stream, in *Incoming, o *outgoing) (flood bool) {
	o.header.Type, o.header.Stream = wire.FrameReply, in.id
	o.header.Head, o.header.Body = uint32(len(o.head)), uint32(o.size-int64(len(o.head)))
	ch.count.sent.Add(1)
	if o.source == nil && o.size <= copyMax {
		ch.out = wire.AppendFrame(ch.out, &o.header, o.head, o.body)
		ch.outN++
		ch.end(in.id)
		in.free()
	} else {
		o.credit = int64(ch.theirs)
		ch.heavy.Add(o.size)
		o.after = func() {
			closeSource(o.source)
			in.free()
		}
		s.out = o
		s.in = nil
		ch.sendq.add(o)
	}
	ch.rouse()
	return int64(len(ch.out)) > ch.mesh.cfg.Limits.ChannelBytes
}

func canceledReply() *outgoing {
	return errorReply(&wire.Error{Kind: foci.Canceled, Text: "canceled by the one who asked"})
}

func busyReply() *outgoing {
	w := wireError(busy("too much is being sent back on this channel"))
	return errorReply(&w)
}

// release returns what a request that came in was counted for.
func (ch *channel) release(in *Incoming) {
	if in.counted {
		ch.inUse.give(in.size)
		ch.mesh.in.give(in.size)
	}
}
