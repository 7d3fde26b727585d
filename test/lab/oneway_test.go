package lab

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestOneWayPartition: b cannot open connections to a, while a can to b. It is
// shown as such, what is asked of a on b goes by c, and when the firewall is mended
// the mesh is whole again.
func TestOneWayPartition(t *testing.T) {
	t.Parallel()
	l := New(t)
	c := l.Cluster("a", "b", "c")
	c.AwaitWhole(10 * time.Second)
	cl := c.Dial()
	load := l.Load(cl, "oneway", 20*time.Second)
	load.Progress(l, 50, 10*time.Second)
	cut := l.CutDials(c.Host("b"), c.Host("a"))
	l.Eventually(6*time.Second, "the one-way path is shown", func() error {
		out, err := c.CLI(c.Host("c"), "mesh")
		if err != nil {
			return err
		}
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) > 2 && f[0] == "b" && f[1] == "a" && strings.Contains(line, "one-way") {
				return nil
			}
		}
		return fmt.Errorf("not in\n%s", out)
	})
	load.Progress(l, 50, 5*time.Second)
	// A client on b has no way to a but by another node.
	out, err := c.CLI(c.Host("b"), "stat", "oneway/object-0000001", "--read", "all", "--timeout", "5s")
	if err != nil {
		t.Errorf("a read of all three replicas, from b: %v", err)
	}
	t.Logf("read from b: %s", strings.TrimSpace(out))
	cut.Heal()
	t.Logf("whole again after %v", c.AwaitWhole(11*time.Second).Round(time.Millisecond))
	load.ReadBack()
	if n, err := load.Failed(); n > 0 {
		t.Errorf("%d puts failed, the first: %v", n, err)
	}
}
