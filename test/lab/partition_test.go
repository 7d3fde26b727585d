package lab

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/foci-store/foci/client"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// TestPartition cuts one of three nodes off from both others, and later every
// node from every other. Writes go on as long as two see each other for the
// client; when all is healed the mesh is whole and nothing is lost.
func TestPartition(t *testing.T) {
	t.Parallel()
	l := New(t)
	c := l.Cluster("a", "b", "c")
	cl := c.Dial()
	l.Eventually(10*time.Second, "a whole mesh", func() error { return c.Whole(cl) })
	load := l.Load(cl, "partition", 20*time.Second)
	load.Progress(l, 50, 10*time.Second)

	a, b, d := c.Host("a"), c.Host("b"), c.Host("c")
	one, two := l.Cut(a, b), l.Cut(a, d)
	l.Eventually(5*time.Second, "a sees that it is alone", func() error { return lonely(c, cl, "a") })
	load.Progress(l, 50, 5*time.Second)
	one.Heal()
	two.Heal()
	healed := l.Eventually(11*time.Second, "a whole mesh again", func() error { return c.Whole(cl) })
	t.Logf("whole again %v after the partition healed", healed.Round(time.Millisecond))
	load.ReadBack()
	if n, err := load.Failed(); n > 0 {
		t.Errorf("%d puts failed, the first: %v", n, err)
	}
}

// lonely reports when a node has links to others.
func lonely(c *Cluster, cl *client.Client, name string) error {
	seen, err := c.Look(cl)
	if err != nil {
		return err
	}
	for peer, link := range seen[name] {
		if link.Up {
			return fmt.Errorf("%s still has a link to %q", name, peer)
		}
	}
	return nil
}
