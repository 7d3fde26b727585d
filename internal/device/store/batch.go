package store

import (
	"runtime"
	"slices"
	"sync"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/invariant"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/store/index"
)

// commitBatch is what one fsync commits. While one enters the index the next is
// written and fsynced; a few more are remembered.
type commitBatch struct {
	number     uint64
	items      []item    // admitted
	ids        []foci.ID // of the admitted records, which are their callers' again once done
	taken      []item
	end        segment.Pos
	rows       *index.Rows
	totals     index.Totals
	watermarks index.Watermarks // after the batch
	epoch      foci.Epoch

	before  <-chan struct{} // closed: the batch before has entered, or never will
	entered chan struct{}   // closed: so has this one

	mu       sync.Mutex // guards the fields below
	finished bool
	err      error  // why it did not become visible, once finished
	again    []item // duplicates of records of this batch: they share its outcome
}

// share makes the item wait for the batch; if the batch has ended it returns the
// outcome.
func (batch *commitBatch) share(it *item) (waits bool, err error) {
	batch.mu.Lock()
	defer batch.mu.Unlock()
	if !batch.finished {
		batch.again = append(batch.again, *it)
	}
	return !batch.finished, batch.err
}

// answered reports whether the batch's callers have been answered.
func (batch *commitBatch) answered() bool {
	batch.mu.Lock()
	defer batch.mu.Unlock()
	return batch.finished
}

// claim ends the batch with err and returns copies of its items, whose callers are to
// be answered; none if that was done before. The batch may be reused.
func (batch *commitBatch) claim(err error) []item {
	batch.mu.Lock()
	defer batch.mu.Unlock()
	if batch.finished {
		return nil
	}
	batch.finished, batch.err = true, err
	return slices.Concat(batch.items, batch.again)
}

// release drops all references to the callers' memory.
func (batch *commitBatch) release() {
	clear(batch.items)
	clear(batch.taken)
	clear(batch.again)
	batch.items, batch.taken, batch.again = batch.items[:0], batch.taken[:0], batch.again[:0]
}

// pace waits for the last batch's callers to be answered, unless as many
// others wait already. Callers that send one record after the other would
// else fall into two halves that take turns, at half the records per fsync.
func (c *committer) pace() {
	for c.moving() > 0 && c.b.queue.ready() < c.last {
		c.reclaim(<-c.back)
	}
	// Callers that were just answered may queue their next record: yield to them.
	for range maxYields {
		before := c.b.queue.ready()
		runtime.Gosched()
		if now := c.b.queue.ready(); now == before || now >= c.b.opts.MaxBatchRecords {
			return
		}
	}
}

// maxYields bounds how long a batch is held back while it grows.
const maxYields = 64

// moving is how many batches have not come back from the index.
func (c *committer) moving() int { return movingBatches - 1 - len(c.free) }

// idle returns a batch that can be filled.
func (c *committer) idle() *commitBatch {
	if len(c.free) == 0 {
		c.reclaim(<-c.back)
	}
	batch := c.free[len(c.free)-1]
	c.free = c.free[:len(c.free)-1]
	return batch
}

// settle takes back the batches that have entered the index.
func (c *committer) settle() {
	for {
		select {
		case batch := <-c.back:
			c.reclaim(batch)
		default:
			return
		}
	}
}

// drain waits until all batches but the one in hand have entered the index.
func (c *committer) drain() {
	for c.moving() > 0 {
		c.reclaim(<-c.back)
	}
}

// reclaim remembers a batch that has entered the index, in place of the oldest.
func (c *committer) reclaim(batch *commitBatch) {
	invariant.Check(len(c.past) == 0 || c.past[len(c.past)-1].number < batch.number, "batches come back in the order of the log")
	batch.release()
	c.past = append(c.past, batch)
	if len(c.past) <= rememberedBatches {
		c.free = append(c.free, new(commitBatch))
		return
	}
	batch = c.past[0]
	c.past = append(c.past[:0], c.past[1:]...)
	c.gone = batch.number
	for i := range batch.ids {
		c.plan.release(&batch.ids[i])
	}
	c.recycle(batch)
}

func (c *committer) recycle(batch *commitBatch) {
	batch.release()
	batch.ids = batch.ids[:0]
	batch.rows, batch.watermarks, batch.totals, batch.finished, batch.err = nil, nil, index.Totals{}, false, nil
	batch.before, batch.entered = nil, nil
	c.free = append(c.free, batch)
}
