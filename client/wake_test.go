package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer"
)

// TestClientIsWokenWhenANodeIsBack: a client that would try again only after an
// hour hears of it by the node that it watches.
func TestClientIsWokenWhenANodeIsBack(t *testing.T) {
	c := newCluster(t, 3, 3)
	settled(t, c)
	cfg := peer.Config{
		Mesh:   mesh.Config{Role: foci.RoleTransport, Timing: mesh.Timing{BackoffMin: time.Hour, BackoffMax: time.Hour}},
		Layout: new(layout.Holder),
	}
	for _, a := range c.Addrs {
		r, err := route.ParseRemote(a)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Seeds = append(cfg.Seeds, r)
	}
	p, err := peer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := p.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	watched := -1
	soon(t, "it watches", func() bool {
		for i, n := range c.Nodes {
			if n.Watchers() > 0 {
				watched = i
			}
		}
		return watched >= 0
	})
	other := (watched + 1) % 3
	id := c.Nodes[other].ID()
	c.stop(other)
	soon(t, "the loss is noticed", func() bool { return p.At(id) == "" })
	time.Sleep(100 * time.Millisecond) // so that the attempt that follows at once fails
	c.start(other)
	began := time.Now()
	soon(t, "it is back", func() bool { return p.At(id) != "" })
	t.Logf("back after %v", time.Since(began))
}
