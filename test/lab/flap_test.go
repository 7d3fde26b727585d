package lab

import (
	"testing"
	"time"
)

// TestFlappingLink pulls a node's cable and puts it back every second. No
// acknowledged write is lost, and neither memory nor goroutines grow.
func TestFlappingLink(t *testing.T) {
	t.Parallel()
	l := New(t)
	c := l.Cluster("a", "b", "c")
	cl := c.Dial()
	c.AwaitWhole(10 * time.Second)
	load := l.Load(cl, "flap", 20*time.Second)
	rounds := 5
	if Full() {
		rounds = 30
	}
	flap := func(n int) {
		for range n {
			c.Host("b").LinkDown()
			l.Pass(time.Second)
			c.Host("b").LinkUp()
			l.Pass(time.Second)
		}
	}
	flap(2) // buffers and caches have their sizes then
	before := c.Sizes()
	flap(rounds)
	c.AwaitWhole(11 * time.Second)
	load.ReadBack() // the garbage of the bursts is collected meanwhile
	c.NothingKept(before)
	if n, err := load.Failed(); n > 0 {
		t.Errorf("%d puts failed, the first: %v", n, err)
	}
	t.Logf("%d puts were acknowledged, the slowest after %v", load.Acked(), load.Slowest().Round(time.Millisecond))
}
