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

// raise reserves n bytes for a message that has held until now, or nothing.
func (b *budget) raise(held, n int64) bool {
	if sum := b.bytes.Add(n - held); sum > b.maxBytes && sum != n {
		b.bytes.Add(held - n)
		return false
	}
	return true
}

// give returns what take reserved.
func (b *budget) give(n int64) {
	b.bytes.Add(-n)
	b.count.Add(-1)
}

// limit sets what may be taken.
func (b *budget) limit(count, bytes int64) { b.maxCount, b.maxBytes = count, bytes }

// take counts a request of n bytes against the limits of its class, of the link
// and of the process. Ping and state have only the first: whatever fills the
// others, the mesh still hears of it.
func (l *Link) take(c foci.Class, n int64) error {
	if !l.queued[c].take(n) {
		return busy("too many requests of class " + c.String() + " in flight to node " + l.node.Short())
	}
	if vital(c) {
		l.mesh.vitalOut.take(n)
		return nil
	}
	if !l.flow.take(n) {
		l.queued[c].give(n)
		return busy("too many requests in flight to node " + l.node.Short())
	}
	if !l.mesh.out.take(n) {
		l.queued[c].give(n)
		l.flow.give(n)
		return busy("too many requests in flight in this process")
	}
	return nil
}

// give returns what take counted.
func (l *Link) give(c foci.Class, n int64) {
	l.queued[c].give(n)
	if vital(c) {
		l.mesh.vitalOut.give(n)
		return
	}
	l.flow.give(n)
	l.mesh.out.give(n)
}

// busy is the error of whoever finds a queue full. What it waits for are
// messages, so the time to try again is that of a few.
func busy(what string) error {
	return &foci.Error{
		Kind: foci.Busy, Msg: what, Fix: "send less at a time, or try again a little later",
		RetryAfter: 10 * time.Millisecond,
	}
}
