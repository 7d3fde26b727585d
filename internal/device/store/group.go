package store

import (
	"runtime"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/foci-store/foci"
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

	before  <-chan struct{} // closed: the group before has entered, or never will
	entered chan struct{}   // closed: so has this one

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

// answered reports whether the group's callers have been answered.
func (g *group) answered() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.finished
}

// claim ends the group for its callers, who are to hear of err, unless that has
// been done. They are copies: the group may be used again.
func (g *group) claim(err error) []item {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.finished {
		return nil
	}
	g.finished, g.err = true, err
	return slices.Concat(g.items, g.again)
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
		c.reclaim(<-c.back)
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
		c.reclaim(<-c.back)
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
		c.reclaim(<-c.back)
	}
}

// reclaim remembers a group that has entered the index, in place of the oldest.
func (c *committer) reclaim(g *group) {
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
	g.before, g.entered = nil, nil
	c.free = append(c.free, g)
}
