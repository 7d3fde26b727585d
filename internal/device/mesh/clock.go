package mesh

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// clockReading is what one pong told of the peer's clock.
type clockReading struct {
	version.Offset
	at time.Time
}

// ClockOffset is how far the peer's clock is from this process's, as the last
// pong told it. It is not known of a peer that cannot be reached, or speaks
// protocol 1.
func (l *Link) ClockOffset() (o version.Offset, known bool) {
	c := l.clock.Load()
	t := &l.mesh.cfg.Timing
	if c == nil || !l.Up() || time.Since(c.at) > t.PingEvery*time.Duration(t.PingMisses+1) {
		return o, false
	}
	return c.Offset, true
}

// withClock is the contents of a pong: those of the ping and, from protocol 2
// on, this side's clock.
func (ch *channel) withClock(ping []byte) []byte {
	if ch.peer.Protocol < 2 {
		return ping
	}
	pong := make([]byte, 0, frame.MaxPing+frame.PongClock)
	return binary.LittleEndian.AppendUint64(append(pong, ping...), uint64(ch.mesh.cfg.Now()))
}

// splitPong takes the clock off a pong's contents. Our own pings have 8 bytes.
func splitPong(contents []byte) (ping []byte, clock int64, known bool) {
	if len(contents) != 8+frame.PongClock {
		return contents, 0, false
	}
	return contents[:8], int64(binary.LittleEndian.Uint64(contents[8:])), true
}

// measure compares a clock that a pong brought with our own, which says now: it
// was read somewhere in the round trip.
func measure(clock, now int64, rtt time.Duration) *clockReading {
	bound := rtt / 2
	by := saturated(clock, now-int64(bound))
	if mutant.On(mutant.UnboundedOffset) {
		bound = 0
	}
	return &clockReading{version.Offset{By: by, Bound: bound}, time.Now()}
}

// saturated is a - b, or the nearest that a duration can say. It is never the
// least one, which has no inverse.
func saturated(a, b int64) time.Duration {
	d := a - b
	switch {
	case a >= 0 && b < 0 && d < 0:
		return math.MaxInt64
	case a < 0 && b >= 0 && d >= 0, d == math.MinInt64:
		return -math.MaxInt64
	}
	return time.Duration(d)
}
