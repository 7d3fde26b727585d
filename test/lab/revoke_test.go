package lab

import (
	"fmt"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
)

// TestRevocationUnderLoad: a client that the nodes' deny lists name is shut out
// within 5 s, its open channels too; another client's operations do not notice.
func TestRevocationUnderLoad(t *testing.T) {
	t.Parallel()
	l := New(t)
	c := l.Cluster("a", "b", "c")
	c.AwaitWhole(10 * time.Second)
	honest := l.Load(c.Dial(), "honest", 20*time.Second)
	mallory := l.Load(c.DialAs(c.CredentialOf("mallory", rights.Data())), "mallory", 3*time.Second)
	honest.Progress(l, 50, 20*time.Second)
	mallory.Progress(l, 50, 20*time.Second)
	for _, h := range c.hosts {
		h.File("node/deny", "# stolen\nname client/mallory\n")
	}
	took := l.Eventually(5*time.Second, "mallory is shut out", func() error {
		acked := mallory.Acked()
		l.Pass(200 * time.Millisecond)
		if n := mallory.Acked() - acked; n > 0 {
			return fmt.Errorf("%d more puts", n)
		}
		return nil
	})
	t.Logf("shut out after %v", took.Round(time.Millisecond))
	honest.Progress(l, 50, 20*time.Second)
	mallory.Stop()
	honest.ReadBack()
	if n, err := honest.Failed(); n > 0 {
		t.Errorf("%d puts of another client failed, the first: %v", n, err)
	}
	cfg := c.CredentialOf("mallory", rights.Data()) // another certificate of the same name
	if err := c.refused(cfg); foci.KindOf(err) != foci.Denied {
		t.Errorf("a new client of that name: %v", err)
	}
}
