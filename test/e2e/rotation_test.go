package e2e

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
	"github.com/foci-store/foci/internal/testwait"
)

// TestKeyRotation: the cluster key is replaced on nodes that run, under commands
// none of which fails; the client's file follows. A copy of it from before is
// refused at the end.
func TestKeyRotation(t *testing.T) {
	c, made := guarded(t, "key = \"cluster.key\"")
	credential := filepath.Join(made, "client.credential")
	before, err := os.ReadFile(credential)
	must(t, err)
	text, err := os.ReadFile(filepath.Join(made, "cluster.key"))
	must(t, err)
	old, err := auth.ParseKey(text)
	must(t, err)
	fresh, err := auth.NewKey(rand.Reader)
	must(t, err)
	command := func() {
		t.Helper()
		if out, errs, status := c.run(strings.NewReader("hello"), "put", "docs/a", "--credential", credential); status != 0 {
			t.Fatalf("foci put: status %d, %s%s", status, out, errs)
		}
	}
	command()
	for step, keys := range [][]auth.Key{{old, fresh}, {fresh, old}, {fresh}} {
		for _, node := range []string{"n1", "n2", "n3"} {
			must(t, os.WriteFile(filepath.Join(c.dir, node, "cluster.key"), auth.KeysText(keys...), 0o600))
			command()
		}
		node, err := auth.WithKeys(auth.TheseKeys(keys...)).For("home", foci.NodeID{1}, foci.RoleData)
		must(t, err)
		testwait.Until(t, patience, fmt.Sprintf("step %d: the nodes and the client to follow", step), func() error {
			command()
			client, err := auth.LoadCredential(files.OS(), credential, nil)
			must(t, err)
			if !bytes.Equal(client.Certificates().Digest(), node.Certificates().Digest()) {
				return errors.New("the client does not")
			}
			if n := strings.Count(c.stderr.String(), "cluster keys read again"); n != 3*(step+1) {
				return fmt.Errorf("keys were read again %d times", n)
			}
			return nil
		})
		command()
	}
	stale := filepath.Join(made, "stale.credential")
	must(t, os.WriteFile(stale, before, 0o600))
	if out, errs, status := c.run(nil, "get", "docs/a", "--timeout", "3s", "--credential", stale); status == 0 || !strings.Contains(errs, "not of an authority") {
		t.Errorf("the removed key still opens: status %d, %s%s", status, out, errs)
	}
	// A member comes back with the new key alone.
	must(t, c.kill("n2"))
	command()
	must(t, c.serve("n2"))
	command()
}
