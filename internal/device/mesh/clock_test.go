package mesh

import (
	"math"
	"testing"
	"time"

	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
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

// TestClockBound: a reading is as uncertain as half the round trip.
func TestClockBound(t *testing.T) {
	const now = int64(1000 * time.Second)
	c := measure(now+int64(70*time.Second), now, 20*time.Second)
	if c.By != 80*time.Second || c.Bound != 10*time.Second {
		t.Errorf("got %v", c.Offset)
	}
	for _, x := range []struct {
		a, b int64
		want time.Duration
	}{
		{5, 3, 2},
		{3, 5, -2},
		{math.MaxInt64, -5, math.MaxInt64},
		{math.MinInt64, 5, -math.MaxInt64},
		{math.MinInt64, 0, -math.MaxInt64},
		{-1, math.MaxInt64, -math.MaxInt64},
	} {
		if got := saturated(x.a, x.b); got != x.want {
			t.Errorf("%d - %d: %d, want %d", x.a, x.b, got, x.want)
		}
	}
}

// TestPongs: a pong of any other length brings no clock.
func TestPongs(t *testing.T) {
	for n := range frame.MaxPing + frame.PongClock + 1 {
		ping, _, known := splitPong(make([]byte, n))
		if known != (n == 16) || known && len(ping) != 8 || !known && len(ping) != n {
			t.Errorf("%d bytes: %d of the ping, clock %v", n, len(ping), known)
		}
	}
	ch := &channel{peer: Identity{Protocol: 1}}
	if b := ch.withClock(make([]byte, 5)); len(b) != 5 {
		t.Errorf("a pong for protocol 1 has %d bytes, want those of the ping", len(b))
	}
}
