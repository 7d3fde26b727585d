package mesh

import (
	"testing"
	"time"

	"github.com/foci-store/foci/internal/core/wire"
)

// TestClockOffset: pongs tell how far the peer's clock is from ours, until it
// cannot be reached any more. A peer of protocol 1 tells nothing.
func TestClockOffset(t *testing.T) {
	often := func(c *Config) { c.Timing.PingEvery = 20 * time.Millisecond }
	for _, off := range []time.Duration{-70 * time.Second, 0, 48 * time.Hour} {
		nd := startNode(t, 1, often, func(c *Config) { c.Now = func() int64 { return time.Now().Add(off).UnixNano() } })
		cl := startClient(t, often)
		l := connect(t, cl, nd, true)
		waitFor(t, "the clock is known", func() bool { _, known := l.ClockOffset(); return known })
		o, _ := l.ClockOffset()
		if d := (o.By - off).Abs(); d > o.Bound+time.Millisecond || o.Bound <= 0 || o.Bound > 2*time.Second {
			t.Errorf("a clock that is %v off is measured as %v", off, o)
		}
		if err := nd.Close(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the clock is not known any more", func() bool { _, known := l.ClockOffset(); return !known })
	}
	old := startNode(t, 2, often, func(c *Config) { c.Protocols = wire.Protocols{Min: 1, Max: 1} })
	cl := startClient(t, often)
	l := connect(t, cl, old, true)
	waitFor(t, "a ping is answered", func() bool { return l.RTT() > 0 })
	if o, known := l.ClockOffset(); known {
		t.Errorf("a peer of protocol 1 has told its clock: %v", o)
	}
}
