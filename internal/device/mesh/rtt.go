package mesh

import (
	"slices"
	"sync/atomic"
	"time"
)

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
