package lab

import (
	"testing"
	"time"
)

// These measure times, so they do not run beside others.

// TestKilledPeer: a process that dies is suspected within 100 ms, puts go on
// with the other two nodes, and it is linked again soon after it is back.
func TestKilledPeer(t *testing.T) {
	l := New(t)
	c := l.Cluster("a", "b", "c")
	cl := c.Dial(c.Host("b"), c.Host("c"))
	c.AwaitWhole(10 * time.Second)
	load := l.Load(cl, "killed", 20*time.Second)
	load.Progress(l, 100, 10*time.Second)

	c.Node("a").Kill()
	suspected(l, c, "a", 100*time.Millisecond)
	load.Progress(l, 100, 3*time.Second)

	c.Restart(c.Host("a"))
	back := c.AwaitWhole(2 * time.Second)
	t.Logf("whole again %v after the node was ready", back.Round(time.Millisecond))
	load.ReadBack()
	if n, err := load.Failed(); n > 0 {
		t.Errorf("%d puts failed, the first: %v", n, err)
	}
}

// TestFrozenPeer: a process that is stopped while its kernel goes on
// acknowledging is suspected within 3.5 s, and so is one whose packets vanish.
// Puts take the other way at once: the slowest takes a stall, not a deadline.
func TestFrozenPeer(t *testing.T) {
	l := New(t)
	c := l.Cluster("a", "b", "c")
	cl := c.Dial(c.Host("b"), c.Host("c"))
	c.AwaitWhole(10 * time.Second)
	load := l.Load(cl, "frozen", 20*time.Second)
	load.Progress(l, 100, 10*time.Second)

	c.Node("a").Freeze()
	suspected(l, c, "a", 3500*time.Millisecond)
	load.Progress(l, 100, 3*time.Second)
	c.Node("a").Thaw()
	c.AwaitWhole(11 * time.Second)

	b, d := l.Cut(c.Host("a"), c.Host("b")), l.Cut(c.Host("a"), c.Host("c"))
	suspected(l, c, "a", 3500*time.Millisecond)
	load.Progress(l, 100, 3*time.Second)
	b.Heal()
	d.Heal()
	c.AwaitWhole(11 * time.Second)
	load.ReadBack()
	if n, err := load.Failed(); n > 0 {
		t.Errorf("%d puts failed, the first: %v", n, err)
	}
	t.Logf("%d puts were acknowledged, the slowest after %v", load.Acked(), load.Slowest().Round(time.Millisecond))
}

// suspected waits until no other node has a link to one.
func suspected(l *Lab, c *Cluster, name string, within time.Duration) {
	l.t.Helper()
	const looking = 50 * time.Millisecond // a look takes its time, on a busy machine
	took := l.Eventually(within+looking, "node "+name+" is suspected", func() error { return c.Unlinked(name) })
	l.t.Logf("suspected after %v", took.Round(time.Millisecond))
}
