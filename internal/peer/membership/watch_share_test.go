package membership

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/auth/authtest"
	"github.com/foci-store/foci/internal/device/mesh"
)

// TestWatchesPerPrincipal: a client that watches without end leaves watches for
// another.
func TestWatchesPerPrincipal(t *testing.T) {
	ca, err := auth.NewAuthority("c", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p, addr := starting(t, 1, authtest.Node(t, ca, foci.NodeID{1}, t.TempDir()))
	p.watchers.mu.Lock()
	p.watchers.slots = share.New(16)
	p.watchers.mu.Unlock()
	ends := make(chan error, 100)
	watch := func(name string, n int) {
		ask := asking(t, addr, mesh.Config{Cluster: "c", Role: foci.RoleTransport, Auth: authtest.Client(t, ca, name, "*=rw")})
		a, err := ask(wire.Watch{})
		if err != nil {
			t.Fatal(err)
		}
		q := wire.Watch{Epoch: a.Epoch, Sums: a.Sums, Ups: a.Ups, Wait: wire.MaxWatch}
		for range n {
			go func() {
				_, err := ask(q)
				ends <- err
			}()
		}
	}
	watch("web", 10)
	for range 8 {
		select {
		case err := <-ends:
			if foci.KindOf(err) != foci.Busy {
				t.Errorf("one too many: %v", err)
			}
		case <-time.After(1500 * time.Millisecond):
			t.Fatalf("%d watches of one client wait, of 16", p.Watchers())
		}
	}
	watch("db", 3)
	if err := <-ends; foci.KindOf(err) != foci.Busy || p.Watchers() != 4 {
		t.Errorf("%d watch after the second client: %v", p.Watchers(), err)
	}
	_ = p.Close()
	for range 4 {
		<-ends
	}
	if n := p.watchers.slots.Used(); n != 0 {
		t.Errorf("%d slots are still taken", n)
	}
}
