package stream

import (
	"encoding/binary"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// life holds the results of a channel's pings.
type life struct {
	asked atomic.Int64 // when the last ping was sent, ns since the channel was opened; 0: it was answered
	rtt   atomic.Int64 // ns, smoothed
	trips roundTrips
}

// Ping sends a ping.
func (c *Client) Ping() {
	now := max(int64(time.Since(c.born)), 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.life.asked.CompareAndSwap(0, now)
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(now))
	c.control(frame.Header{Type: frame.Ping}, b[:])
}

// Pinging reports whether a ping is not answered yet.
func (c *Client) Pinging() bool { return c.life.asked.Load() != 0 }

// onPong reads the answer to a ping; one that answers nothing is ignored.
func (c *Client) onPong(contents []byte) {
	asked, clock, known := splitPong(contents)
	if len(asked) != 8 || c.life.asked.Swap(0) == 0 {
		return
	}
	rtt := time.Since(c.born) - time.Duration(binary.LittleEndian.Uint64(asked))
	if rtt <= 0 {
		return
	}
	c.life.trips.add(rtt)
	old := time.Duration(c.life.rtt.Load())
	if old == 0 {
		old = rtt
	}
	smooth := old + (rtt-old)/8
	c.life.rtt.Store(int64(smooth))
	var reading *ClockReading
	if known {
		reading = measure(clock, c.cfg.Now(), rtt)
	}
	c.owner.Pinged(smooth, reading)
}

// answerPing queues the answer to a ping and returns its length; c.mu is held.
func (c *conn) answerPing(contents []byte) (int64, error) {
	if int64(len(c.out)) > c.cfg.ChannelBytes {
		return 0, foci.Errorf(foci.Protocol, "the peer pings but does not read the answers")
	}
	pong := c.withClock(contents)
	c.control(frame.Header{Type: frame.Pong}, pong)
	return int64(frame.HeaderSize + len(pong)), nil
}

// withClock is the contents of a pong: those of the ping and, from protocol 2
// on, this side's clock.
func (c *conn) withClock(ping []byte) []byte {
	if c.Peer.Protocol < 2 {
		return ping
	}
	pong := make([]byte, 0, frame.MaxPing+frame.PongClock)
	return binary.LittleEndian.AppendUint64(append(pong, ping...), uint64(c.cfg.Now()))
}

// ClockReading is the reading of the peer's clock in one pong.
type ClockReading struct {
	version.Offset
	At time.Time
}

// splitPong takes the clock off a pong's contents. Our own pings have 8 bytes.
func splitPong(contents []byte) (ping []byte, clock int64, known bool) {
	if len(contents) != 8+frame.PongClock {
		return contents, 0, false
	}
	return contents[:8], int64(binary.LittleEndian.Uint64(contents[8:])), true
}

// measure compares the peer's clock in a pong with now, this side's clock; the peer
// read it at some moment of the round trip.
func measure(clock, now int64, rtt time.Duration) *ClockReading {
	bound := rtt / 2
	by := saturated(clock, now-int64(bound))
	if mutant.On(mutant.UnboundedOffset) {
		bound = 0
	}
	return &ClockReading{version.Offset{By: by, Bound: bound}, time.Now()}
}

// saturated returns a - b, or the nearest duration. It never returns the least one,
// which has no inverse.
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

// roundTrips are the last ones of a channel's pings, in microseconds: enough
// for a median and a worst of about the last minute, in 260 bytes.
type roundTrips struct {
	count atomic.Uint32 // taken since the channel was opened
	ring  [64]atomic.Uint32
}

// add takes one; only the goroutine that reads the channel calls it.
func (r *roundTrips) add(d time.Duration) {
	n := r.count.Load()
	r.ring[n%uint32(len(r.ring))].Store(uint32(min(max(d.Microseconds(), 1), 1<<32-1)))
	r.count.Store(n + 1)
}

// quantiles are the median and the 99th of 100 of those that are kept, which
// with few of them is the largest; 0 when there is none.
func (r *roundTrips) quantiles() (p50, p99 time.Duration) {
	n := int(min(r.count.Load(), uint32(len(r.ring))))
	if n == 0 {
		return 0, 0
	}
	all := make([]uint32, n)
	for i := range all {
		all[i] = r.ring[i].Load()
	}
	slices.Sort(all)
	at := func(percent int) time.Duration {
		return time.Duration(all[min(n-1, n*percent/100)]) * time.Microsecond
	}
	return at(50), at(99)
}
