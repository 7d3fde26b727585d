package membership

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/testwait"
)

// epochOne is a layout of one node that does not run.
func epochOne(t *testing.T) *layout.Layout {
	t.Helper()
	a, err := route.ParseAddress("127.0.0.1:1:2-0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := layout.Init(&layout.Plan{Cluster: "c", Nodes: []layout.PlanNode{
		{Name: "n", Addrs: []route.Address{a}, Backends: []layout.PlanBackend{{Group: 1}}},
	}}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestMembersFindEachOther: two that know the same seed hear of each other and of
// the layout, wait for the next one, and forget a member that leaves.
func TestMembersFindEachOther(t *testing.T) {
	a, addr := starting(t, 1, nil)
	first := epochOne(t)
	if err := a.Adopt(first); err != nil {
		t.Fatal(err)
	}
	seed, err := route.ParseRemote(addr + ":2")
	if err != nil {
		t.Fatal(err)
	}
	seeded := func(c *Config, _ *mesh.Config) { c.Seeds = []route.Remote{seed} }
	b, _ := starting(t, 2, nil, seeded)
	c, _ := starting(t, 3, nil, seeded)

	knows := func(p, q *process) error {
		switch {
		case p.At(q.cfg.Node) == "":
			return errors.New("no link")
		case p.Layout() == nil || p.Layout().Epoch != first.Epoch:
			return errors.New("no layout")
		}
		return nil
	}
	const within = 20 * time.Second
	testwait.Until(t, within, "b to find c", func() error { return knows(b, c) })
	testwait.Until(t, within, "c to find b", func() error { return knows(c, b) })

	next := first.Clone()
	next.Epoch++
	waited := make(chan error, 1)
	go func() { waited <- b.AwaitLayout(t.Context(), next.Epoch, b.now()+within) }()
	if err := a.Adopt(next); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil || b.Layout().Epoch != next.Epoch {
		t.Errorf("waiting for the next layout: %v", err)
	}
	if err := b.AwaitLayout(t.Context(), next.Epoch+1, b.now()+time.Millisecond); foci.KindOf(err) != foci.StaleLayout {
		t.Errorf("waiting for a layout that does not come: %v", err)
	}

	c.Leave()
	testwait.True(t, within, "b to hang up on c", func() bool { return b.mesh.Peer(c.cfg.Node) == nil })
}
