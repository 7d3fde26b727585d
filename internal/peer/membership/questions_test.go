package membership

import (
	"net/netip"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/testwait"
)

// questions is a link to p of a transport client or, with an id, a member.
func questions(t *testing.T, p *process, id foci.NodeID) func(wire.Method, codec.Message) (*mesh.Reply, error) {
	t.Helper()
	cfg := mesh.Config{Cluster: "c", Role: foci.RoleTransport}
	if !id.IsZero() {
		cfg.Node, cfg.Role, cfg.Incarnation = id, foci.RoleClient, 1
	}
	m, err := mesh.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	l, err := m.Dial(t.Context(), route.AddressOf(netip.MustParseAddrPort(p.mesh.Addrs()[0].String())), false)
	if err != nil {
		t.Fatal(err)
	}
	return func(method wire.Method, q codec.Message) (*mesh.Reply, error) {
		return l.Call(t.Context(), foci.State, method, q.Append(nil), nil)
	}
}

// fetches reports whether a layout is being looked for.
func (p *process) fetches() bool {
	p.layouts.mu.Lock()
	defer p.layouts.mu.Unlock()
	return p.layouts.searching
}

// TestClientTellsNoRoutes: neither of others nor of the node that it asks; a
// member does.
func TestClientTellsNoRoutes(t *testing.T) {
	p, _ := watched(t)
	forged := wire.Routes{Routes: append(told(7, 5), told(1, 50)...)}
	before := p.Self()
	if _, err := questions(t, p, foci.NodeID{})(wire.MethodRoutes, &forged); err != nil {
		t.Fatal(err)
	}
	if now := p.Self(); len(p.Known()) != 1 || now.Version() != before.Version() {
		t.Errorf("%+v, own entry %+v", p.Known(), now)
	}
	if _, err := questions(t, p, foci.NodeID{7})(wire.MethodRoutes, &wire.Routes{Routes: told(7, 5)}); err != nil {
		t.Fatal(err)
	}
	if len(p.Known()) != 2 {
		t.Errorf("a member: %+v", p.Known())
	}
}

// TestClientEpochsAreIgnored: what a transport client says of layouts starts no
// questions to other nodes; what a member says does.
func TestClientEpochsAreIgnored(t *testing.T) {
	p, _ := watched(t)
	ask := questions(t, p, foci.NodeID{})
	for _, c := range []struct {
		method wire.Method
		q      codec.Message
	}{
		{wire.MethodRoutes, &wire.Routes{Epoch: 99}},
		{wire.MethodDigest, &wire.Digest{Epoch: 99}},
		{wire.MethodWatch, &wire.Watch{Epoch: 99}},
		{wire.MethodWatch, &wire.Watch{}}, // when it is answered, all before it has been served
	} {
		if _, err := ask(c.method, c.q); err != nil {
			t.Fatal(err)
		}
	}
	if p.fetches() {
		t.Error("the layout is looked for because a client claims a newer one")
	}
	member := questions(t, p, foci.NodeID{7})
	for range 2 {
		if _, err := member(wire.MethodDigest, &wire.Digest{Epoch: 99}); err != nil {
			t.Fatal(err)
		}
	}
	if !p.fetches() {
		t.Error("a member's newer layout is not looked for")
	}
}

// TestRequestEpochsAreLimited: requests that name a newer epoch cause one round of
// questions in a while.
func TestRequestEpochsAreLimited(t *testing.T) {
	p, _ := watched(t)
	p.ClaimLayout()
	if !p.fetches() {
		t.Fatal("the first one causes none")
	}
	testwait.True(t, 20*time.Second, "the round to end", func() bool { return !p.fetches() })
	for range 100 {
		p.ClaimLayout()
	}
	if p.fetches() {
		t.Error("the next one causes another round at once")
	}
}

// TestQuestionsAreBounded: a source of transport clients that has asked for too
// much waits, whatever it asks; members do not.
func TestQuestionsAreBounded(t *testing.T) {
	p, _ := watched(t)
	p.quota.mu.Lock()
	p.quota.by.Charge("127.0.0.1", 1<<40, p.now())
	p.quota.mu.Unlock()
	client, member := questions(t, p, foci.NodeID{}), questions(t, p, foci.NodeID{7})
	for method, q := range map[wire.Method]codec.Message{
		wire.MethodRoutes: &wire.Routes{All: true}, wire.MethodDigest: &wire.Digest{}, wire.MethodWatch: &wire.Watch{},
	} {
		if _, err := client(method, q); foci.KindOf(err) != foci.Busy {
			t.Errorf("method %d of a client: %v", method, err)
		}
		if _, err := member(method, q); err != nil {
			t.Errorf("method %d of a member: %v", method, err)
		}
	}
}
