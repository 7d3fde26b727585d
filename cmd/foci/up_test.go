package main

import (
	"path/filepath"
	"testing"

	"github.com/foci-store/foci"
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
		c, err := parseConfig(text)
		if err != nil {
			t.Fatal(err)
		}
		c.anchor(n.Dir)
		if err := c.complete(); err != nil {
			t.Fatal(err)
		}
		want := ""
		if key {
			want = filepath.Join(dir, credential.KeyFile)
		}
		if c.Key != want || c.Name != "n1" || c.Cluster != "c" || c.Addresses[0].Addr != "127.0.0.1:2000:2-0" {
			t.Errorf("%+v", c)
		}
		if b := c.Backends; len(b) != 1 || b[0] != (backendConfig{Dir: filepath.Join(n.Dir, "data"), Group: foci.Group(3)}) {
			t.Errorf("backends %+v", b)
		}
	}
}
