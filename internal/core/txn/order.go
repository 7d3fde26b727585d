package txn

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
)

// Order runs one session's mutations of each key one at a time, in the order of the
// calls. It is not safe for concurrent use.
type Order[K, T comparable] struct {
	limit   int
	waiting int
	lines   map[K]*line[T] // of keys in use; nil: nothing waits
}

// line is a queue; head is the index of its first element.
type line[T comparable] struct {
	ops  []T
	head int
}

// NewOrder makes an order in which at most limit operations wait.
func NewOrder[K, T comparable](limit int) *Order[K, T] {
	return &Order[K, T]{limit: limit, lines: make(map[K]*line[T])}
}

// Acquire reports whether op may run now. If not, op is queued until a Release of the
// key returns it. It fails with Busy when the queue is full.
func (o *Order[K, T]) Acquire(key K, op T) (now bool, err error) {
	l, inUse := o.lines[key]
	if !inUse {
		o.lines[key] = nil
		return true, nil
	}
	if o.waiting >= o.limit {
		return false, &foci.Error{Kind: foci.Busy, Msg: "too many changes wait for their turn", Fix: "try again later", RetryAfter: 10 * time.Millisecond}
	}
	if l == nil {
		l = &line[T]{}
		o.lines[key] = l
	}
	l.ops = append(l.ops, op)
	o.waiting++
	return false, nil
}

// Release ends the running operation of a key; next, if any, runs now.
func (o *Order[K, T]) Release(key K) (next T, ok bool) {
	l := o.lines[key]
	if l == nil || l.head == len(l.ops) {
		delete(o.lines, key)
		return next, false
	}
	var zero T
	next, l.ops[l.head] = l.ops[l.head], zero
	l.head++
	o.waiting--
	if l.head > len(l.ops)/2 && l.head >= 32 {
		l.ops, l.head = slices.Delete(l.ops, 0, l.head), 0
	}
	return next, true
}

// Withdraw removes an operation from its queue, and reports whether it was queued.
func (o *Order[K, T]) Withdraw(key K, op T) bool {
	l := o.lines[key]
	if l == nil {
		return false
	}
	at := slices.Index(l.ops[l.head:], op)
	if at < 0 {
		return false
	}
	at += l.head
	l.ops = slices.Delete(l.ops, at, at+1)
	o.waiting--
	return true
}

// Len is the number of keys in use and of operations that wait.
func (o *Order[K, T]) Len() (keys, waiting int) { return len(o.lines), o.waiting }
