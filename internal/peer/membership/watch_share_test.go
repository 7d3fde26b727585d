package membership

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
	"github.com/foci-store/foci/internal/device/mesh"
)

// nodeCredentials are a node's certificates of an authority.
func nodeCredentials(t *testing.T, ca *auth.Authority, id foci.NodeID) *auth.Credentials {
	t.Helper()
	cert, key, err := ca.Node(id, "n", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c, err := auth.LoadCertificates(files.OS(), auth.Files{Cert: put("cert", cert), Key: put("key", key), CA: put("ca", ca.Cert())}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return auth.WithCertificates(c, nil)
}

// clientCredentials are those of a client.
func clientCredentials(t *testing.T, ca *auth.Authority, name string) *auth.Credentials {
	t.Helper()
	text, err := ca.Client(name, rights.Data(), time.Now())
	path := filepath.Join(t.TempDir(), name)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := auth.LoadCredential(files.OS(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestWatchesPerPrincipal: a client that watches without end leaves watches for
// another.
func TestWatchesPerPrincipal(t *testing.T) {
	ca, err := auth.NewAuthority("c", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p, addr := starting(t, 1, nodeCredentials(t, ca, foci.NodeID{1}))
	p.watchers.mu.Lock()
	p.watchers.slots = share.New(16)
	p.watchers.mu.Unlock()
	ends := make(chan error, 100)
	watch := func(name string, n int) {
		ask := asking(t, addr, mesh.Config{Cluster: "c", Role: foci.RoleTransport, Auth: clientCredentials(t, ca, name)})
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
