package store

import (
	"sync"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/store/index"
)

// item is one record on its way into the log.
type item struct {
	store *wire.Store    // of an object
	rec   segment.Record // of anything else
	done  func(dup bool, err error)
	seen  sighting
}

// sighting is an object's row as it was when a batch had become visible. It
// saves the committing goroutine the search.
type sighting struct {
	known bool
	batch uint64
	sum   index.Summary
}

// space is what the item takes in the log and in the queue, in bytes.
func (i *item) space() int64 {
	if i.store != nil {
		r := segment.Record{Kind: segment.Object, Record: i.store.Record}
		return r.Space()
	}
	return i.rec.Space()
}

// waiting identifies a transaction that was accepted but is not yet visible.
type waiting struct {
	id      foci.ID
	version foci.Version
}

// waiter is how often a transaction waits, and its content.
type waiter struct {
	hash record.Hash
	op   record.Op
	n    int
}

// queue holds what has been accepted until it is visible or refused. It is
// bounded in records and bytes.
type queue struct {
	maxRecords int
	maxBytes   int64

	mu      sync.Mutex // guards the fields below
	arrived sync.Cond
	items   []item // not yet taken
	records int    // taken or not, until done
	bytes   int64
	waiting map[waiting]waiter
	closed  bool
}

func newQueue(o *Options) *queue {
	q := &queue{maxRecords: o.MaxQueueRecords, maxBytes: o.MaxQueueBytes, waiting: make(map[waiting]waiter)}
	q.arrived.L = &q.mu
	return q
}

// put accepts items, all or none of them, or fails with Busy or Closed.
func (q *queue) put(items ...item) error {
	bytes := int64(0)
	for i := range items {
		bytes += items[i].space()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errClosed()
	}
	if q.records+len(items) > q.maxRecords || q.bytes+bytes > q.maxBytes {
		return foci.Errorf(foci.Busy, "%d records of %d MiB wait for their fsync already", q.records, q.bytes/mib)
	}
	q.records += len(items)
	q.bytes += bytes
	for i := range items {
		if s := items[i].store; s != nil {
			q.count(&s.Record, 1)
		}
	}
	q.items = append(q.items, items...)
	q.arrived.Signal()
	return nil
}

func (q *queue) count(r *record.Record, n int) {
	k := waiting{r.ID, r.Version}
	w := q.waiting[k]
	if w.n == 0 {
		w.hash, w.op = r.Hash, r.Op
	}
	if w.n += n; w.n == 0 {
		delete(q.waiting, k)
		return
	}
	q.waiting[k] = w
}

// take moves the next items into dst, which is empty, waiting for the first.
// It is false when the queue is closed and empty.
func (q *queue) take(dst []item, maxRecords int, maxBytes int64) ([]item, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.arrived.Wait()
	}
	return q.first(dst, maxRecords, maxBytes)
}

// rest takes what has not been taken, without waiting.
func (q *queue) rest() []item {
	q.mu.Lock()
	defer q.mu.Unlock()
	items, _ := q.first(nil, q.maxRecords, q.maxBytes)
	return items
}

// first moves the next items into dst; q.mu is held.
func (q *queue) first(dst []item, maxRecords int, maxBytes int64) ([]item, bool) {
	n, bytes := 0, int64(0)
	for n < len(q.items) && n < maxRecords {
		bytes += q.items[n].space()
		if n > 0 && bytes > maxBytes {
			break
		}
		n++
	}
	dst = append(dst, q.items[:n]...)
	rest := copy(q.items, q.items[n:])
	clear(q.items[rest:])
	q.items = q.items[:rest]
	return dst, n > 0
}

// finish removes items that are visible or refused, before their callers are called
// back.
func (q *queue) finish(items ...item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range items {
		q.records--
		q.bytes -= items[i].space()
		if s := items[i].store; s != nil {
			q.count(&s.Record, -1)
		}
	}
}

// find returns the content of a transaction that waits.
func (q *queue) find(id foci.ID, v foci.Version) (w waiter, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w, ok = q.waiting[waiting{id, v}]
	return w, ok
}

// ready is how many items may be taken.
func (q *queue) ready() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.records
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.arrived.Broadcast()
}

func errClosed() error { return foci.Errorf(foci.Closed, "the backend is closed") }

// sightings remembers what queries have just seen. A put asks for a vote right
// before it stores, so its record's object need not be searched for again.
// A caller of recall must check that the batch of the sighting is still remembered.
type sightings struct{ slots [1024]sightingSlot }

type sightingSlot struct {
	mu sync.Mutex // guards the fields below
	id foci.ID
	s  sighting
}

func (t *sightings) slot(id *foci.ID) *sightingSlot {
	return &t.slots[id.Prefix()%uint64(len(t.slots))]
}

// note keeps a sighting in place of whatever was in its slot.
func (t *sightings) note(id *foci.ID, s sighting) {
	k := t.slot(id)
	k.mu.Lock()
	k.id, k.s = *id, s
	k.mu.Unlock()
}

// recall is the sighting of an object that is not older than a batch.
func (t *sightings) recall(id *foci.ID, batch uint64) (s sighting, ok bool) {
	k := t.slot(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.s, k.s.known && k.id == *id && k.s.batch >= batch
}
