package store

import (
	"runtime"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/segment"
)

// group is what one fsync commits. While one enters the index the next is
// written and fsynced; a few more are remembered.
type group struct {
	number     uint64
	items      []item    // admitted
	ids        []foci.ID // of the admitted records, which are their callers' again once done
	taken      []item
	end        segment.Pos
	rows       *pebble.Batch
	totals     totals
	watermarks watermarks // after the group
	epoch      foci.Epoch

	mu       sync.Mutex
	finished bool
	err      error  // why it did not become visible, once finished
	again    []item // repeats of records of this group: they share its outcome
}

// share makes the item wait for the group, unless that has ended; then it
// says how.
func (g *group) share(it *item) (waits bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.finished {
		g.again = append(g.again, *it)
	}
	return !g.finished, g.err
}

// letGo keeps nothing that belongs to the callers.
func (g *group) letGo() {
	clear(g.items)
	clear(g.taken)
	clear(g.again)
	g.items, g.taken, g.again = g.items[:0], g.taken[:0], g.again[:0]
}

// pace waits for the last group's callers to be answered, unless as many
// others wait already. Callers that send one record after the other would
// else fall into two halves that take turns, at half the records per fsync.
func (c *committer) pace() {
	for c.moving() > 0 && c.b.queue.ready() < c.last {
		c.reclaim(c.receive())
	}
	// Those who were answered may want to go on: let them, while they do.
	for range maxYields {
		before := c.b.queue.ready()
		runtime.Gosched()
		if now := c.b.queue.ready(); now == before || now >= c.b.opts.MaxBatchRecords {
			return
		}
	}
}

// maxYields bounds how long a group is held back while it grows.
const maxYields = 64

// moving is how many groups have not come back from the index.
func (c *committer) moving() int { return movingGroups - 1 - len(c.free) }

// idle is a group that can be filled.
func (c *committer) idle() *group {
	if len(c.free) == 0 {
		c.reclaim(c.receive())
	}
	g := c.free[len(c.free)-1]
	c.free = c.free[:len(c.free)-1]
	return g
}

// settle takes back the groups that have entered the index.
func (c *committer) settle() {
	for {
		select {
		case g := <-c.back:
			c.reclaim(g)
		default:
			return
		}
	}
}

// drain waits until all groups but the one in hand have entered the index.
func (c *committer) drain() {
	for c.moving() > 0 {
		c.reclaim(c.receive())
	}
}

// receive is the next group that has entered the index. While that waits for
// space, those who would wait with it hear so.
func (c *committer) receive() *group {
	for look := fullLook; ; look = 20 * fullLook {
		select {
		case g := <-c.back:
			return g
		case <-c.b.index.full():
		}
		select {
		case g := <-c.back:
			return g
		case <-time.After(look):
		}
		if f := c.b.index.files; f.IsFull() && !mutant.On(mutant.StrandedGroups) {
			c.refuseAll(c.b.noSpace(indexWaits))
		}
	}
}

// fullLook is how long the index may wait for space before the callers hear of
// it: it may be about to write what it has to.
const fullLook = time.Millisecond

const indexWaits = "the disk is full, the index waits for space"

// refuseAll answers for all groups that have not come back, which stay in the
// log and will be indexed, and refuses what has not been taken.
func (c *committer) refuseAll(why error) {
	for _, g := range c.going {
		c.b.answer(g, why)
	}
	for c.b.queue.ready() > 0 {
		items, _ := c.b.queue.take(nil, c.b.opts.MaxBatchRecords, c.b.opts.MaxBatchBytes)
		c.b.refuse(items, why)
	}
}

// reclaim remembers a group that has entered the index, in place of the oldest.
func (c *committer) reclaim(g *group) {
	c.going = append(c.going[:0], c.going[1:]...) // they come back in order
	g.letGo()
	c.past = append(c.past, g)
	if len(c.past) <= rememberedGroups {
		c.free = append(c.free, new(group))
		return
	}
	g = c.past[0]
	c.past = append(c.past[:0], c.past[1:]...)
	c.gone = g.number
	for i := range g.ids {
		c.plan.release(&g.ids[i])
	}
	c.recycle(g)
}

func (c *committer) recycle(g *group) {
	g.letGo()
	g.ids = g.ids[:0]
	g.rows, g.watermarks, g.totals, g.finished, g.err = nil, nil, totals{}, false, nil
	c.free = append(c.free, g)
}
