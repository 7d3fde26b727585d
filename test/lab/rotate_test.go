package lab

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
)

// TestRotationUnderLoad: the cluster key is replaced, host by host and without a
// stop: the new key beside the old one, then before it, then alone. A client
// works through all of it and follows by itself. A credential of the old key that
// nothing has renewed opens nothing afterwards.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	l := New(t)
	c := l.Cluster("a", "b", "c")
	c.AwaitWhole(10 * time.Second)
	load := l.Load(c.Dial(), "rotated", 20*time.Second)
	load.Progress(l, 50, 20*time.Second)
	left := c.CredentialOf("left", rights.Data())
	old := c.key
	fresh, err := auth.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range [][]auth.Key{{old, fresh}, {fresh, old}, {fresh}} {
		for _, h := range c.hosts {
			h.File("node/cluster.key", string(auth.KeysText(keys...)))
			load.Progress(l, 20, 20*time.Second)
		}
		took := l.Eventually(60*time.Second, "the client follows", func() error { return follows(c.credential(), keys) })
		t.Logf("with %d keys: the client followed after %v", len(keys), took.Round(time.Millisecond))
		load.Progress(l, 50, 20*time.Second)
	}
	c.key = fresh
	c.AwaitWhole(10 * time.Second)
	load.ReadBack()
	if n, err := load.Failed(); n > 0 {
		t.Errorf("%d puts failed, the first: %v", n, err)
	}
	t.Logf("%d puts acknowledged, the slowest took %v", load.Acked(), load.Slowest().Round(time.Millisecond))
	if err := c.refused(left); foci.KindOf(err) != foci.Denied {
		t.Errorf("a credential of the removed key: %v", err)
	}
	if err := c.refused(c.credential()); err != nil {
		t.Errorf("the credential that followed: %v", err)
	}
}

// follows reports whether a client's credential file believes what members with
// these keys believe.
func follows(file string, keys []auth.Key) error {
	node, err := auth.WithKeys(auth.TheseKeys(keys...)).For("lab", foci.NodeID{1}, foci.RoleData)
	if err != nil {
		return err
	}
	client, err := auth.LoadCredential(files.OS(), file, nil)
	if err != nil {
		return err
	}
	if !bytes.Equal(client.Certificates().Digest(), node.Certificates().Digest()) {
		info, _ := os.Stat(file)
		return fmt.Errorf("the credential of %v is of other keys", info.ModTime())
	}
	return nil
}
