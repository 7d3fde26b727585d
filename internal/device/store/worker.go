package store

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/store/index"
)

// work is one of several workers. A batch stays with its worker from the queue
// until its callers are answered: while one enters its batch into the index,
// another may wait behind it with a batch that is fsynced, and a third writes
// the next. Batches enter in the order of the log, each with its cursor.
func (c *committer) work() {
	for {
		batch, ok := c.take()
		if !ok || batch != nil && !c.enter(batch) {
			return
		}
	}
}

// enter makes a batch visible and answers its callers. It reports false when the
// index has failed in the middle of that and [committer.watch] has answered in
// its place: then the worker ends.
func (c *committer) enter(batch *commitBatch) bool {
	<-batch.before
	err := c.entries.begin(batch)
	if err == nil {
		err = c.b.enter(batch)
		if !c.entries.end(batch, err) {
			return false
		}
	}
	c.finish(batch, err)
	return true
}

// finish returns a batch that has entered the index, or never will, to the committer.
// Batches return in the order of the log, so the next one continues only afterwards.
func (c *committer) finish(batch *commitBatch, err error) {
	c.b.settle(batch, err)
	c.entries.remove(batch)
	entered := batch.entered // the batch may be used again once it is back
	if mutant.On(mutant.BatchesOvertake) {
		close(entered)
		runtime.Gosched()
		c.back <- batch
		return
	}
	c.back <- batch // never waits
	close(entered)
}

// watch answers in place of workers that cannot: when the index fails, the
// worker that is entering a batch may never return; when it waits for space on
// the disk, all of them wait.
func (c *committer) watch() {
	x := c.b.index
	for {
		select {
		case <-c.b.ended:
			return
		case <-x.Gone():
			if batch := c.entries.fail(index.ErrGone); batch != nil {
				c.finish(batch, index.ErrGone)
			}
			return
		case <-x.Full():
			c.relieve()
		}
	}
}

// fullLook is how long the index may wait for space before callers get an error: it
// may recover meanwhile. Later looks are farther apart.
const fullLook = time.Millisecond

const indexWaits = "the disk is full, the index waits for space"

// relieve waits a moment and checks whether batches still enter the index although the
// disk is full. If not, all callers get an error. Records in the log stay there and
// enter the index when there is space.
func (c *committer) relieve() {
	stuck, look := c.entries.oldest(), fullLook
	if stuck == 0 {
		look = 20 * fullLook
	}
	select {
	case <-time.After(look):
		c.refuseBehind(stuck)
	case <-c.b.ended:
	case <-c.b.index.Gone():
	}
}

// refuseBehind refuses all batches, and the queued records, if the batch of that number
// is still the oldest: batches that still enter the index are not refused. The number
// is 0 when the callers of all batches have been answered: a record may have been
// queued since.
func (c *committer) refuseBehind(stuck uint64) {
	if now := c.entries.oldest(); now != stuck && !mutant.On(mutant.HastyFull) || !c.b.index.IsFull() || c.entries.none() ||
		stuck == 0 && mutant.On(mutant.LateRecordWaits) {
		return
	}
	why := c.b.noSpace(indexWaits)
	for _, it := range c.entries.claim(why) {
		c.b.queue.finish(it)
		it.done(false, why)
	}
	if !mutant.On(mutant.StrandedGroups) {
		c.b.refuse(c.b.queue.rest(), why)
	}
}

// entries are the batches between the log and the index.
type entries struct {
	mu      sync.Mutex     // guards the fields below
	moving  []*commitBatch // oldest first
	current *commitBatch   // that is being entered
	newest  <-chan struct{}
	err     error // why no more are entered
}

// add queues a batch behind those before it.
func (e *entries) add(batch *commitBatch) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.newest == nil { // the first
		none := make(chan struct{})
		close(none)
		e.newest = none
	}
	batch.before, batch.entered = e.newest, make(chan struct{})
	e.newest = batch.entered
	e.moving = append(e.moving, batch)
}

// begin says that a batch is being entered, unless one before it could not be:
// the cursor must not pass that.
func (e *entries) begin(batch *commitBatch) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.current = batch
	}
	return e.err
}

// end says that a batch has been entered, or why not. It reports false when
// fail has taken the batch.
func (e *entries) end(batch *commitBatch, err error) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current != batch {
		return false
	}
	e.current = nil
	if e.err == nil {
		e.err = err
	}
	return true
}

// fail ends the entering of batches and takes the one that is being entered.
func (e *entries) fail(err error) *commitBatch {
	e.mu.Lock()
	defer e.mu.Unlock()
	batch := e.current
	e.current, e.err = nil, err
	return batch
}

// remove forgets a batch. It may be used again afterwards.
func (e *entries) remove(batch *commitBatch) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.moving = slices.DeleteFunc(e.moving, func(m *commitBatch) bool { return m == batch })
}

// oldest is the number of the oldest batch whose callers have not been
// answered, 0 if there is none.
func (e *entries) oldest() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, batch := range e.moving {
		if !batch.answered() {
			return batch.number
		}
	}
	return 0
}

// none reports whether no batch is on its way into the index.
func (e *entries) none() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.moving) == 0
}

// claim takes the callers of all batches, to be answered with err.
func (e *entries) claim(err error) (all []item) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, batch := range e.moving {
		all = append(all, batch.claim(err)...)
	}
	return all
}
