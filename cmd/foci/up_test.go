package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/cmd/foci/internal/settings"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/credential"
	"github.com/foci-store/foci/internal/localcluster"
)

// TestLocalConfigIsComplete: the configuration of a local node breaks no rule, and
// names its address, its backend and the cluster's key, if there is one.
func TestLocalConfigIsComplete(t *testing.T) {
	for _, key := range []bool{true, false} {
		dir := t.TempDir()
		l := &localcluster.Spec{Cluster: "c", Nodes: 1, Groups: 1, Key: key, Dir: dir}
		n := localcluster.Node{Name: "n1", Addr: route.Address{Host: "127.0.0.1", Port: 2000, Family: route.IPv4}, Group: 3, Dir: filepath.Join(dir, "n1")}
		text, err := localConfig(l, n)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(n.Dir, settings.File)
		if err := errors.Join(os.Mkdir(n.Dir, 0o755), os.WriteFile(path, text, 0o644)); err != nil {
			t.Fatal(err)
		}
		c, err := settings.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Complete(); err != nil {
			t.Fatal(err)
		}
		want := ""
		if key {
			want = filepath.Join(dir, credential.KeyFile)
		}
		if c.Key != want || c.Name != "n1" || c.Cluster != "c" || c.Addresses[0].Addr != "127.0.0.1:2000:2-0" {
			t.Errorf("%+v", c)
		}
		if b := c.Backends; len(b) != 1 || b[0] != (settings.Backend{Dir: filepath.Join(n.Dir, "data"), Group: foci.Group(3)}) {
			t.Errorf("backends %+v", b)
		}
	}
}
