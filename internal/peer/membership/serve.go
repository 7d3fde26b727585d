package membership

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/serve"
)

// Handlers answer the questions about routes and layouts that every member
// answers. All but the layout's do not block.
func (m *Members) Handlers() []serve.Handler {
	return []serve.Handler{
		serve.On(m.serveRoutes), serve.On(m.serveDigest), serve.On(m.watchers.serve), serve.On(m.serveLayout),
	}
}

// serveRoutes merges what a member tells and gives what the asker wants. What a
// transport client tells is ignored, its epoch too: it is in no node's state.
func (m *Members) serveRoutes(in *mesh.Incoming, q *wire.Routes) {
	if in.From.Role != foci.RoleTransport || mutant.On(mutant.ClientRoutes) {
		m.learn(&in.From, q.Routes)
	}
	if !m.quota.admit(in) {
		return
	}
	m.quota.reply(in, &wire.Routes{Epoch: m.epoch(), Routes: m.view.answer(q, verifies(in.From))})
	m.observeEpoch(in, q.Epoch)
}

// serveDigest tells what differs.
func (m *Members) serveDigest(in *mesh.Incoming, q *wire.Digest) {
	if !m.quota.admit(in) {
		return
	}
	v := m.view.versions(q.Sums)
	v.Epoch = m.epoch()
	m.quota.reply(in, &v)
	m.observeEpoch(in, q.Epoch)
}

// observeEpoch searches for the layout when a member works by a newer one.
func (m *Members) observeEpoch(in *mesh.Incoming, epoch foci.Epoch) {
	if epoch > m.epoch() && (in.From.Role != foci.RoleTransport || mutant.On(mutant.ClientEpochs)) {
		m.SearchLayout()
	}
}

// serveLayout answers with the layout that this process works by. It may take a
// while: a layout can be long.
func (m *Members) serveLayout(in *mesh.Incoming, _ *wire.AskLayout) {
	s := m.cfg.Layout.Load()
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

func (v *view) answer(q *wire.Routes, proofs bool) []wire.Route {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.routes.Answer(q, proofs)
}

func (v *view) versions(sums []uint64) wire.Versions {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.routes.Versions(sums)
}
