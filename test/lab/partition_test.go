package lab

import (
	"os"
	"testing"
	"time"
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
	c.AwaitWhole(10 * time.Second)
	load := l.Load(cl, "partition", 20*time.Second)
	load.Progress(l, 50, 10*time.Second)

	a, b, d := c.Host("a"), c.Host("b"), c.Host("c")
	one, two := l.Cut(a, b), l.Cut(a, d)
	l.Eventually(5*time.Second, "a sees that it is alone", func() error { return c.Alone("a") })
	load.Progress(l, 50, 5*time.Second)
	one.Heal()
	two.Heal()
	healed := c.AwaitWhole(11 * time.Second)
	t.Logf("whole again %v after the partition healed", healed.Round(time.Millisecond))
	load.ReadBack()
	if n, err := load.Failed(); n > 0 {
		t.Errorf("%d puts failed, the first: %v", n, err)
	}
}
