package store

import (
	"slices"
	"sync"
	"time"

	"github.com/foci-store/foci/internal/core/mutant"
)

// work is one of several workers. A group stays with its worker from the queue
// until its callers are answered: while one enters its group into the index,
// another may wait behind it with a group that is fsynced, and a third writes
// the next. Groups enter in the order of the log, each with its cursor.
func (c *committer) work() {
	for {
		g, ok := c.take()
		if !ok || g != nil && !c.enter(g) {
			return
		}
	}
}

// enter makes a group visible and answers its callers. It reports false when the
// index has failed in the middle of that and [committer.watch] has answered in
// its place: then the worker ends.
func (c *committer) enter(g *group) bool {
	select {
	case <-g.before:
	case <-c.b.index.gone:
	}
	err := c.entries.begin(g)
	if err == nil {
		err = c.b.enter(g)
		if !c.entries.end(g, err) {
			return false
		}
	}
	c.finish(g, err)
	return true
}

// finish gives a group back that has entered the index, or never will.
func (c *committer) finish(g *group, err error) {
	c.b.settle(g, err)
	c.entries.remove(g)
	close(g.entered)
	c.back <- g // never waits
}

// watch answers in place of workers that cannot: when the index fails, the
// worker that is entering a group may never return; when it waits for space on
// the disk, all of them wait.
func (c *committer) watch() {
	x := c.b.index
	for {
		select {
		case <-c.b.ended:
			return
		case <-x.gone:
			if g := c.entries.fail(errGone); g != nil {
				c.finish(g, errGone)
			}
			return
		case <-x.full():
			c.relieve()
		}
	}
}

// fullLook is how long the index may wait for space before callers hear of it:
// it may be about to write what it has to. Later looks are farther apart.
const fullLook = time.Millisecond

const indexWaits = "the disk is full, the index waits for space"

// relieve waits a moment and looks whether the groups move although the disk is
// full. If they do not, all callers hear so. What is in the log stays there and
// enters the index when there is space.
func (c *committer) relieve() {
	stuck, look := c.entries.oldest(), fullLook
	if stuck == 0 {
		look = 20 * fullLook
	}
	select {
	case <-time.After(look):
		c.refuseBehind(stuck)
	case <-c.b.ended:
	case <-c.b.index.gone:
	}
}

// refuseBehind answers for all groups, and for what is not in one yet, when the
// group of that number is still the oldest: what enters the index in a moment is
// not refused.
func (c *committer) refuseBehind(stuck uint64) {
	now := c.entries.oldest()
	if now == 0 || now != stuck && !mutant.On(mutant.HastyFull) || !c.b.index.files.IsFull() {
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

// entries are the groups between the log and the index.
type entries struct {
	mu      sync.Mutex
	moving  []*group // oldest first
	current *group   // that is being entered
	newest  <-chan struct{}
	err     error // why no more are entered
}

// add lines a group up behind those before it.
func (e *entries) add(g *group) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.newest == nil { // the first
		none := make(chan struct{})
		close(none)
		e.newest = none
	}
	g.before, g.entered = e.newest, make(chan struct{})
	e.newest = g.entered
	e.moving = append(e.moving, g)
}

// begin says that a group is being entered, unless one before it could not be:
// the cursor must not pass that.
func (e *entries) begin(g *group) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.err != nil:
	case e.current != nil: // the index has failed in the middle of that
		e.err = errGone
	default:
		e.current = g
	}
	return e.err
}

// end says that a group has been entered, or why not. It reports false when
// fail has taken the group.
func (e *entries) end(g *group, err error) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current != g {
		return false
	}
	e.current = nil
	if e.err == nil {
		e.err = err
	}
	return true
}

// fail ends the entering of groups and takes the one that is being entered.
func (e *entries) fail(err error) *group {
	e.mu.Lock()
	defer e.mu.Unlock()
	g := e.current
	e.current, e.err = nil, err
	return g
}

// remove forgets a group. It may be used again afterwards.
func (e *entries) remove(g *group) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.moving = slices.DeleteFunc(e.moving, func(m *group) bool { return m == g })
}

// oldest is the number of the oldest group whose callers have not been
// answered, 0 if there is none.
func (e *entries) oldest() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, g := range e.moving {
		if !g.answered() {
			return g.number
		}
	}
	return 0
}

// claim takes the callers of all groups, who are to hear of err.
func (e *entries) claim(err error) (all []item) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, g := range e.moving {
		all = append(all, g.claim(err)...)
	}
	return all
}
