package peer_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer"
	"github.com/foci-store/foci/internal/testports"
	"github.com/foci-store/foci/internal/testwait"
)

func ready(t *testing.T, p *peer.Peer, limit time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return p.Ready(ctx)
}

func TestReadyWithoutAnybody(t *testing.T) {
	a, b := testports.Addr(t), testports.Addr(t)
	rs := newReplicas(t, 1, nil)
	p := rs.join(func(c *peer.Config) { c.Seeds = []route.Remote{remote(t, a), remote(t, b)} })
	began := time.Now()
	err := ready(t, p, time.Minute)
	if !errors.Is(err, foci.Unreachable) || time.Since(began) > 5*time.Second {
		t.Fatalf("%v after %v", err, time.Since(began))
	}
	for _, s := range []string{a, b, "refused"} {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
	if _, err := p.Config("bucket", foci.ID{}, foci.Quorum, 1); !errors.Is(err, foci.NotReady) || !strings.Contains(err.Error(), "foci init") {
		t.Errorf("without a layout: %v", err)
	}
}

// TestReadyWaitsForAllSeeds: one seed that refuses again and again is not all.
func TestReadyWaitsForAllSeeds(t *testing.T) {
	rs := newReplicas(t, 1, nil)
	slow, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	p := rs.join(func(c *peer.Config) {
		c.Seeds = []route.Remote{remote(t, testports.Addr(t)), remote(t, slow.Addr().String())}
	})
	if err := ready(t, p, 600*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("it gave up before the slow seed was tried: %v", err)
	}
}

func TestReadyByTheSecondSeed(t *testing.T) {
	rs := newReplicas(t, 3, nil)
	p := rs.join(func(c *peer.Config) {
		c.Seeds = []route.Remote{remote(t, testports.Addr(t)), remote(t, rs.addrs[1])}
	})
	if err := ready(t, p, 10*time.Second); err != nil {
		t.Fatal(err)
	}
}

func TestReadyAtAnotherCluster(t *testing.T) {
	rs := newReplicas(t, 1, nil)
	p := rs.join(func(c *peer.Config) {
		c.Mesh.Cluster = "mine"
		c.Seeds = append(c.Seeds, remote(t, testports.Addr(t)))
	})
	err := ready(t, p, 10*time.Second)
	if !errors.Is(err, foci.Denied) || foci.KindOf(err) != foci.Denied || !strings.Contains(err.Error(), `"mine"`) || !strings.Contains(err.Error(), `"test"`) {
		t.Fatal(err)
	}
}

// TestLayoutThatCannotBeKept is not used, nor is one of another cluster.
func TestLayoutThatCannotBeKept(t *testing.T) {
	rs := newReplicas(t, 1, nil)
	p := rs.connect(func(c *peer.Config) {
		c.Adopted = func(s *layout.Snapshot) error {
			if s.Epoch == 2 {
				return foci.Errorf(foci.ReadOnly, "the disk is full")
			}
			return nil
		}
	})
	next := rs.layout.Load().Clone()
	next.Epoch = 2
	if err := p.Adopt(next); !errors.Is(err, foci.ReadOnly) || p.Layout().Epoch != 1 {
		t.Fatalf("%v, epoch %d", err, p.Layout().Epoch)
	}
	other := next.Clone()
	other.Epoch, other.Cluster = 3, "other"
	if err := p.Adopt(other); !errors.Is(err, foci.Denied) || p.Layout().Epoch != 1 {
		t.Fatalf("%v, epoch %d", err, p.Layout().Epoch)
	}
	next = next.Clone()
	next.Epoch = 4
	if err := p.Adopt(next); err != nil || p.Layout().Epoch != 4 {
		t.Fatalf("%v, epoch %d", err, p.Layout().Epoch)
	}
}

// TestNearestFirst: an owner that no channel leads to is asked last.
func TestNearestFirst(t *testing.T) {
	rs := newReplicas(t, 3, nil)
	p := rs.connect(nil)
	gone := rs.layout.Load().Nodes[1].ID
	rs.stop(1)
	testwait.True(t, 20*time.Second, "the loss to be noticed", func() bool { return p.At(gone) == "" })
	id := foci.ObjectID(foci.Name{Bucket: "bucket", Key: "k"})
	for range 9 {
		cfg, err := p.Config("bucket", id, foci.Quorum, p.Now()+time.Second)
		if err != nil || cfg.Plan.Groups[2] != 2 {
			t.Fatalf("%v, %v", cfg.Plan.Groups, err)
		}
	}
}

// TestUnknownTargets end at once.
func TestUnknownTargets(t *testing.T) {
	rs := newReplicas(t, 1, nil)
	p := rs.connect(nil)
	for _, m := range []codec.Message{
		&wire.Query{Target: wire.Target{Epoch: 1, Group: 9}},
		&wire.List{Target: wire.Target{Epoch: 1, Group: 1, Backend: foci.BackendID{9}}},
	} {
		if _, _, err := p.Call(t.Context(), m, foci.Reg, p.Now()+time.Hour); !errors.Is(err, foci.NoRoute) {
			t.Errorf("%T: %v", m, err)
		}
	}
}

// TestReadyInATableOfNobody: waiting cannot help who may use only tables in
// which no node has an address.
func TestReadyInATableOfNobody(t *testing.T) {
	rs := newReplicas(t, 3, nil)
	p := rs.join(func(c *peer.Config) {
		c.Seeds = []route.Remote{remote(t, rs.addrs[0])}
		c.Tables = []foci.Table{7}
	})
	err := ready(t, p, time.Minute)
	if !errors.Is(err, foci.NoRoute) || !strings.Contains(err.Error(), "7") {
		t.Fatalf("%v", err)
	}
}
