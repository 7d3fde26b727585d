package mesh

import (
	"io"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// Local has a request served by this process's own handler, as if it had come
// in: for questions to a peer that turns out to be oneself. It returns like
// [Link.Send]; what holds for the Done of a request holds here, but that it may
// be called before Local returns.
func (m *Mesh) Local(q *Request) error {
	body := q.Body
	if q.Source != nil {
		body = make([]byte, q.Source.Size())
		if _, err := io.ReadFull(io.NewSectionReader(q.Source, 0, q.Source.Size()), body); err != nil {
			return foci.Errorf(foci.Internal, "reading a body to be sent: %w", err)
		}
	}
	size := int64(len(q.Head) + len(body))
	if m.cfg.Handler == nil {
		return foci.Errorf(foci.Invalid, "this process serves nothing")
	}
	give, err := m.shares.local(size)
	if err != nil {
		return err
	}
	q.sent.Store(true)
	self := Identity{Node: m.cfg.Node, Incarnation: m.cfg.Incarnation, Role: m.cfg.Role, Addr: "local", Rights: rights.Full()}
	m.cfg.Handler.Serve(&Incoming{
		From: self, Class: q.Class, Method: q.Method, Head: q.Head, Body: body,
		asked: q,
		local: func(a answer) {
			give()
			r, err := a.whole(self)
			q.complete(r, err)
		},
	})
	return nil
}

// whole is an answer as the one who asked gets it.
func (a *answer) whole(from Identity) (*Reply, error) {
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
