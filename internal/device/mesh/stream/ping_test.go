package stream

import (
	"math"
	"testing"
	"time"

	"github.com/foci-store/foci/internal/device/mesh/frame"
)

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
	var ch conn
	ch.Peer.Protocol = 1
	if b := ch.withClock(make([]byte, 5)); len(b) != 5 {
		t.Errorf("a pong for protocol 1 has %d bytes, want those of the ping", len(b))
	}
}

func TestRoundTrips(t *testing.T) {
	var r roundTrips
	if p50, p99 := r.quantiles(); p50 != 0 || p99 != 0 {
		t.Errorf("none: %v, %v", p50, p99)
	}
	for i := range 200 { // the last 64 of them count: 137 to 200 ms
		r.add(time.Duration(i+1) * time.Millisecond)
	}
	if p50, p99 := r.quantiles(); p50 != 169*time.Millisecond || p99 != 200*time.Millisecond {
		t.Errorf("p50 %v, p99 %v", p50, p99)
	}
	r.add(-time.Second)
	r.add(10 * time.Hour)
	if _, p99 := r.quantiles(); p99 < time.Hour {
		t.Errorf("p99 %v after one of hours", p99)
	}
}
