package stream

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
)

// Budget bounds what is under way somewhere, in messages and bytes.
type Budget struct {
	count, bytes       atomic.Int64
	maxCount, maxBytes int64
}

// take reserves one message of n bytes, or nothing at all. One message alone
// always fits, however long.
func (b *Budget) take(n int64) bool {
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
func (b *Budget) raise(held, n int64) bool {
	if sum := b.bytes.Add(n - held); sum > b.maxBytes && sum != n {
		b.bytes.Add(held - n)
		return false
	}
	return true
}

// give returns what take reserved.
func (b *Budget) give(n int64) {
	b.bytes.Add(-n)
	b.count.Add(-1)
}

// Limit sets what may be taken.
func (b *Budget) Limit(count, bytes int64) { b.maxCount, b.maxBytes = count, bytes }

// Used is what is taken.
func (b *Budget) Used() (count, bytes int64) { return b.count.Load(), b.bytes.Load() }

// Sent counts the requests that this process has sent and that are not answered.
type Sent struct {
	all   Budget
	vital Budget // of ping and state, which are counted only
}

// Limit sets how many there may be, and with how many bytes.
func (s *Sent) Limit(count, bytes int64) {
	s.all.Limit(count, bytes)
	s.vital.Limit(math.MaxInt64, math.MaxInt64)
}

// Used is what is under way.
func (s *Sent) Used() (count, bytes int64) {
	return s.all.count.Load() + s.vital.count.Load(), s.all.bytes.Load() + s.vital.bytes.Load()
}

// Quota bounds the requests that are under way to one peer: those of each class,
// those of all classes that are not vital, and the part in what the process sends.
type Quota struct {
	sent    *Sent
	node    foci.NodeID
	flow    Budget
	classes [foci.NumClasses]Budget
}

// Init sets the limits: of all classes together, and the bytes of each class.
func (u *Quota) Init(node foci.NodeID, sent *Sent, count, bytes int64, classes [foci.NumClasses]int64) {
	u.node, u.sent = node, sent
	u.flow.Limit(count, bytes)
	for c := range u.classes {
		u.classes[c].Limit(count, classes[c])
	}
}

// Flow is what is under way of the classes that are not vital.
func (u *Quota) Flow() (count, bytes int64) { return u.flow.Used() }

// Used is what is under way, of all classes.
func (u *Quota) Used() (count, bytes int64) {
	count, bytes = u.flow.Used()
	for _, c := range []foci.Class{foci.Ping, foci.State} {
		n, b := u.classes[c].Used()
		count, bytes = count+n, bytes+b
	}
	return count, bytes
}

// take counts a request of n bytes against the limits of its class, of the peer
// and of the process. Ping and state have only the first: whatever fills the
// others, the mesh itself still works.
func (u *Quota) take(c foci.Class, n int64) error {
	if !u.classes[c].take(n) {
		return busy("too many requests of class " + c.String() + " in flight to node " + u.node.Short())
	}
	if vital(c) {
		u.sent.vital.take(n)
		return nil
	}
	if !u.flow.take(n) {
		u.classes[c].give(n)
		return busy("too many requests in flight to node " + u.node.Short())
	}
	if !u.sent.all.take(n) {
		u.classes[c].give(n)
		u.flow.give(n)
		return busy("too many requests in flight in this process")
	}
	return nil
}

// give returns what take counted.
func (u *Quota) give(c foci.Class, n int64) {
	u.classes[c].give(n)
	if vital(c) {
		u.sent.vital.give(n)
		return
	}
	u.flow.give(n)
	u.sent.all.give(n)
}

// vital reports whether a class keeps the mesh itself alive: ping and state are
// not counted against the budgets that others may fill.
func vital(c foci.Class) bool { return c == foci.Ping || c == foci.State }

// busy is the error when a queue is full. What it waits for are messages, so the
// time to try again is that of a few.
func busy(what string) error {
	return &foci.Error{
		Kind: foci.Busy, Msg: what, Fix: "send less at a time, or try again a little later",
		RetryAfter: 10 * time.Millisecond,
	}
}
