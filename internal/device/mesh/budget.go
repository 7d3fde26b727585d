package mesh

import (
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
)

// budget bounds what is under way somewhere, in messages and bytes.
type budget struct {
	count, bytes       atomic.Int64
	maxCount, maxBytes int64
}

// take reserves one message of n bytes, or nothing at all. One message alone
// always fits, however long.
func (b *budget) take(n int64) bool {
	if b.count.Add(1) > b.maxCount {
		b.count.Add(-1)
		return false
	}
	if sum := b.bytes.Add(n); sum > b.maxBytes && sum != n {
		b.give(n)
		return false
	}
	return true
}

// grow reserves n more bytes for a message that has its place, or nothing.
func (b *budget) grow(n int64) bool {
	if sum := b.bytes.Add(n); sum > b.maxBytes {
		b.bytes.Add(-n)
		return false
	}
	return true
}

// give returns what take reserved.
func (b *budget) give(n int64) {
	b.bytes.Add(-n)
	b.count.Add(-1)
}

// busy is the error of whoever finds a queue full. What it waits for are
// messages, so the time to try again is that of a few.
func busy(what string) error {
	return &foci.Error{
		Kind: foci.Busy, Msg: what, Fix: "send less at a time, or try again a little later",
		RetryAfter: 10 * time.Millisecond,
	}
}
