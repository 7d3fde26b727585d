package peer

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
)

// Serve answers the questions that every member answers, about routes, and
// reports whether this was one. It does not block.
func (p *Peer) Serve(in *mesh.Incoming) bool {
	switch in.Method {
	case wire.MethodRoutes:
		serve(in, p.serveRoutes)
	case wire.MethodDigest:
		serve(in, p.serveDigest)
	case wire.MethodWatch:
		serve(in, p.watchers.add)
	default:
		return false
	}
	return true
}

// serve decodes a request and has it answered.
func serve[M any, P interface {
	*M
	wire.Message
}](in *mesh.Incoming, by func(*mesh.Incoming, P)) {
	m := P(new(M))
	if err := wire.Unmarshal(in.Head, m); err != nil {
		in.Fail(err)
		return
	}
	by(in, m)
}

// serveRoutes takes in what the asker tells and gives what it asks for. A
// transport client has nothing to tell and is in no node's state.
func (p *Peer) serveRoutes(in *mesh.Incoming, q *wire.Routes) {
	if in.From.Role != foci.RoleTransport {
		p.Learn(in.From.Node, q.Routes)
	}
	a := wire.Routes{Epoch: p.cfg.Layout.Epoch()}
	p.join.mu.Lock()
	a.Routes = p.join.routes.Answer(q)
	p.join.mu.Unlock()
	in.Reply(a.Append(nil), nil)
	p.heardOf(q.Epoch)
}

// serveDigest says what differs.
func (p *Peer) serveDigest(in *mesh.Incoming, q *wire.Digest) {
	p.join.mu.Lock()
	v := p.join.routes.Versions(q.Sums)
	p.join.mu.Unlock()
	v.Epoch = p.cfg.Layout.Epoch()
	in.Reply(v.Append(nil), nil)
	if in.From.Role != foci.RoleTransport {
		p.heardOf(q.Epoch)
	}
}

// heardOf has the layout fetched when a member works by a newer one.
func (p *Peer) heardOf(epoch foci.Epoch) {
	if epoch > p.cfg.Layout.Epoch() {
		p.Newer()
	}
}

// GiveLayout answers with the layout that a member holds. It may take a while:
// a layout can be long.
func GiveLayout(in *mesh.Incoming, h *layout.Holder) {
	s := h.Load()
	if s == nil {
		in.Fail(foci.Errorf(foci.NotReady, "this node has no layout"))
		return
	}
	b, err := s.Marshal()
	if err != nil {
		in.Fail(err)
		return
	}
	in.Reply(nil, b)
}
