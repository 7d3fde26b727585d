package peer

import (
	"net"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
)

// Serve answers the questions that every member answers, about routes and
// certificates, and reports whether this was one. It does not block.
func (p *Peer) Serve(in *mesh.Incoming) bool {
	switch in.Method {
	case wire.MethodRoutes:
		serve(in, p.serveRoutes)
	case wire.MethodDigest:
		serve(in, p.serveDigest)
	case wire.MethodWatch:
		serve(in, p.watchers.add)
	case wire.MethodRenew:
		p.renewal.Serve(in)
	default:
		return false
	}
	return true
}

// serve decodes a request and has it answered.
func serve[M any, P interface {
	*M
	codec.Message
}](in *mesh.Incoming, by func(*mesh.Incoming, P)) {
	m := P(new(M))
	if err := codec.Unmarshal(in.Head, m); err != nil {
		in.Fail(err)
		return
	}
	by(in, m)
}

// serveRoutes takes in what a member tells and gives what the asker wants. What a
// transport client tells is ignored, its epoch too: it is in no node's state.
func (p *Peer) serveRoutes(in *mesh.Incoming, q *wire.Routes) {
	member := in.From.Role != foci.RoleTransport
	if member || mutant.On(mutant.ClientRoutes) {
		p.join.learn(&in.From, q.Routes)
	}
	if !p.mayAsk(in) {
		return
	}
	a := wire.Routes{Epoch: p.cfg.Layout.Epoch()}
	p.join.mu.Lock()
	a.Routes = p.join.routes.Answer(q, verifies(in.From))
	p.join.mu.Unlock()
	p.answer(in, &a)
	if member || mutant.On(mutant.ClientEpochs) {
		p.heardOf(q.Epoch)
	}
}

// serveDigest says what differs.
func (p *Peer) serveDigest(in *mesh.Incoming, q *wire.Digest) {
	if !p.mayAsk(in) {
		return
	}
	p.join.mu.Lock()
	v := p.join.routes.Versions(q.Sums)
	p.join.mu.Unlock()
	v.Epoch = p.cfg.Layout.Epoch()
	p.answer(in, &v)
	if in.From.Role != foci.RoleTransport || mutant.On(mutant.ClientEpochs) {
		p.heardOf(q.Epoch)
	}
}

// heardOf has the layout fetched when a member works by a newer one.
func (p *Peer) heardOf(epoch foci.Epoch) {
	if epoch > p.cfg.Layout.Epoch() {
		p.Newer()
	}
}

// asked bounds what the questions of transport clients about routes cost.
type asked struct {
	mu sync.Mutex
	by route.Allowance
}

// source is by what a transport client's questions are counted; "" for a member,
// whose questions are not.
func source(in *mesh.Incoming) string {
	if in.From.Role != foci.RoleTransport {
		return ""
	}
	if in.From.Principal != "" {
		return string(in.From.Principal)
	}
	host, _, err := net.SplitHostPort(in.From.Addr)
	if err != nil {
		return in.From.Addr
	}
	return host
}

// mayAsk reports whether a question about routes is answered; else it has been
// refused.
func (p *Peer) mayAsk(in *mesh.Incoming) bool {
	s := source(in)
	if s == "" {
		return true
	}
	p.asked.mu.Lock()
	ok := p.asked.by.Ask(s, p.now())
	p.asked.mu.Unlock()
	if !ok {
		in.Fail(&foci.Error{Kind: foci.Busy, Msg: "too many questions about routes from " + s, RetryAfter: time.Second})
	}
	return ok
}

// answer answers a question about routes and charges for it.
func (p *Peer) answer(in *mesh.Incoming, m codec.Message) {
	b := m.Append(nil)
	in.Reply(b, nil)
	if s := source(in); s != "" {
		p.asked.mu.Lock()
		p.asked.by.Charge(s, len(b), p.now())
		p.asked.mu.Unlock()
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
