package stream

import (
	"io"
	"sync/atomic"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// Incoming is a request of a peer. Exactly one of Reply, ReplySource, Fail
// and FailWith must be called, once, on any goroutine; further calls do
// nothing. None of them blocks: a peer that does not read its replies loses
// its channel. Head and Body are valid until then, and no longer.
type Incoming struct {
	From   handshake.Identity
	Class  foci.Class
	Method wire.Method
	Head   []byte
	Body   []byte // whole, unless BodyLen says that there is more to come

	ch          *Server
	account     *account     // the limits that it counts against: of the channel's peer, or of the asker after Rebill
	local       func(answer) // takes the answer to a request of this process; nil on a channel
	asked       *Request     // the request of this process; nil on a channel
	id          uint32
	counted     bool // against the limits; guarded by shares.mu, as is held
	size        int64
	held        int64 // bytes that count
	buf         *frame.Buffer
	collect     atomic.Pointer[frame.Buffer]
	stream      *Body
	answered    atomic.Bool
	canceled    atomic.Bool
	cancelRelay atomic.Pointer[func()] // called when the request is canceled, of a relayed one
}

// Certificate is the peer's certificate on the channel of the request; nil without
// TLS.
func (in *Incoming) Certificate() *auth.Shown {
	if in.ch == nil {
		return nil
	}
	return in.ch.Opened.Certificate
}

// BodyLen is the length of the body in bytes, whether it has arrived or not.
func (in *Incoming) BodyLen() int64 {
	if in.stream != nil {
		return in.stream.size
	}
	return int64(len(in.Body))
}

// Stream is the body of a request that is longer than a frame, nil when Body
// has all of it. It is instead of Collect.
func (in *Incoming) Stream() *Body { return in.stream }

// Collect collects the whole body in Body and then calls done, on the goroutine that
// reads the channel or, when all of it has arrived, on this one. done must be quick,
// and should fail the request with the error that it gets.
func (in *Incoming) Collect(done func(error)) {
	b := in.stream
	if b == nil {
		done(nil)
		return
	}
	b.gather(func(v *frame.Buffer, err error) {
		if err == nil {
			in.stream, in.Body = nil, v.B
			in.collect.Store(v)
		}
		done(err)
	})
}

// Canceled reports whether the answer is no longer wanted, so that the handler may
// stop its work. It must answer the request all the same.
func (in *Incoming) Canceled() bool {
	return in.canceled.Load() || in.asked != nil && in.asked.unwanted.Load()
}

// Reply answers. Head and body belong to the mesh from now on; they may be, or
// be parts of, those of the request.
func (in *Incoming) Reply(head, body []byte) {
	if in.answered.CompareAndSwap(false, true) {
		in.give(answer{head: head, body: body, size: int64(len(head) + len(body))})
	}
}

func (in *Incoming) give(a answer) {
	if in.local != nil {
		in.local(a)
		return
	}
	in.ch.reply(in, a)
}

// ReplySource answers with a body that is read while it is sent.
func (in *Incoming) ReplySource(head []byte, src Source) {
	if in.answered.CompareAndSwap(false, true) {
		in.give(answer{head: head, source: src, size: int64(len(head)) + src.Size()})
	} else {
		closeSource(src)
	}
}

// Fail answers with an error: its kind, text and RetryAfter.
func (in *Incoming) Fail(err error) {
	w := frame.EncodeError(err)
	in.FailWith(&w)
}

// FailWith answers with an error, for those that carry an epoch.
func (in *Incoming) FailWith(w *wire.Error) {
	if in.answered.CompareAndSwap(false, true) {
		in.give(failureOf(w))
	}
}

// free gives back the memory of the request.
func (in *Incoming) free() {
	in.buf.Free()
	in.collect.Swap(nil).Free()
	in.buf = nil
}

// Local serves a request by this process's own handler, as if self had sent it over a
// channel: for requests to a peer that is this process. It returns as Send does. Done
// is called as after Send, but perhaps before Local returns.
func Local(cfg *Config, self handshake.Identity, q *Request) error {
	body := q.Body
	if q.Source != nil {
		body = make([]byte, q.Source.Size())
		if _, err := io.ReadFull(io.NewSectionReader(q.Source, 0, q.Source.Size()), body); err != nil {
			return foci.Errorf(foci.Internal, "reading a body to be sent: %w", err)
		}
	}
	size := int64(len(q.Head) + len(body))
	if cfg.Handler == nil {
		return foci.Errorf(foci.Invalid, "this process serves nothing")
	}
	give, err := cfg.Shares.local(size)
	if err != nil {
		return err
	}
	if !q.finished.CompareAndSwap(false, true) { // canceled before
		give()
		return nil
	}
	q.sent.Store(true)
	cfg.Handler.Serve(&Incoming{
		From: self, Class: q.Class, Method: q.Method, Head: q.Head, Body: body,
		asked: q,
		local: func(a answer) {
			give()
			q.done(a.whole(self))
		},
	})
	return nil
}

// whole returns an answer as the reply to a request of this process.
func (a *answer) whole(from handshake.Identity) (*Reply, error) {
	defer closeSource(a.source)
	if a.flags&frame.FlagError != 0 {
		return nil, frame.DecodeError(from.Node, a.head)
	}
	r := &Reply{Head: a.head, Body: a.body}
	if a.source != nil {
		r.Body = make([]byte, a.source.Size())
		if _, err := io.ReadFull(io.NewSectionReader(a.source, 0, a.source.Size()), r.Body); err != nil {
			return nil, foci.Errorf(foci.Internal, "reading an answer: %w", err)
		}
	}
	return r, nil
}
