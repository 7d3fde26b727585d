package store

import (
	"runtime"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/object"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/vfs"
)

// group is what one fsync commits. While one enters the index the next is
// written and fsynced; a few more are remembered.
type group struct {
	number uint64
	items  []item    // admitted
	ids    []foci.ID // of the admitted records, which are their callers' again once done
	taken  []item
	end    segment.Pos
	rows   *pebble.Batch
	totals totals
	floors floors // after the group
	epoch  foci.Epoch

	mu       sync.Mutex
	finished bool
	again    []item // repeats of records of this group: they share its outcome
}

const (
	movingGroups     = 3 // in the committer's hand, on its way to the index, entering it
	rememberedGroups = 5 // visible, but what a caller looked up may be from before
)

// committer is the goroutine that writes the log. Nothing else touches its
// fields.
type committer struct {
	b     *Backend
	plan  *plan
	free  []*group    // to be filled
	past  []*group    // remembered, oldest first
	gone  uint64      // number of the newest group that is remembered no more
	next  uint64      // number of the next group
	last  int         // how many records the last group had
	ready chan *group // to the goroutine that writes the index
	back  chan *group // from it

	batch  segment.Batch
	writer *segment.Writer // nil: the next group begins a new segment
	prev   uint64          // the newest segment
	sealed uint32          // its length, when writer is nil
	floors floors          // as of the last group, visible or not
	epoch  foci.Epoch
	unsure bool // records since the last mark
}

func (c *committer) run() {
	defer close(c.ready)
	for {
		g := c.idle()
		c.pace()
		var ok bool
		g.taken, ok = c.b.queue.take(g.taken[:0], c.b.opts.MaxBatchRecords, c.b.opts.MaxBatchBytes)
		c.settle()
		if !ok {
			c.drain()
			c.mark()
			return
		}
		c.last = len(g.taken)
		c.commit(g)
	}
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

// letGo keeps nothing that belongs to the callers.
func (g *group) letGo() {
	clear(g.items)
	clear(g.taken)
	clear(g.again)
	g.items, g.taken, g.again = g.items[:0], g.taken[:0], g.again[:0]
}

func (c *committer) recycle(g *group) {
	g.letGo()
	g.ids = g.ids[:0]
	g.rows, g.floors, g.totals, g.finished = nil, nil, totals{}, false
	c.free = append(c.free, g)
}

func (c *committer) commit(g *group) {
	if err := c.prepare(g); err != nil {
		c.fail(g, err)
		return
	}
	g.rows = c.b.index.db.NewBatch()
	c.batch.Reset(c.writer)
	g.number = c.next
	for i := range g.taken {
		c.admit(g, &g.taken[i])
	}
	if c.batch.Empty() {
		_ = g.rows.Close()
		c.recycle(g)
		return
	}
	g.end, g.floors, g.epoch = c.batch.End(), c.floors, c.epoch
	if err := c.write(g); err != nil {
		_ = g.rows.Close()
		c.fail(g, err)
		return
	}
	c.unsure = true
	c.next++
	c.ready <- g
}

// prepare makes sure that there is a segment with room for the group.
func (c *committer) prepare(g *group) error {
	if err := c.b.refusal(); err != nil {
		return err
	}
	need := int64(0)
	for i := range g.taken {
		need += g.taken[i].space()
	}
	if err := c.b.room(need); err != nil {
		return err
	}
	if c.writer != nil && c.writer.Len() > segment.HeaderSize && c.writer.Len()+need > c.b.opts.SegmentBytes {
		c.seal()
	}
	if c.writer != nil {
		return nil
	}
	return c.begin()
}

// begin creates the next segment.
func (c *committer) begin() error {
	h := segment.NewHeader(c.b.id, c.prev, c.sealed)
	var none segment.Batch
	none.ResetFirst(h)
	w, err := segment.Create(c.b.opts.FS, c.b.segmentsDir(), h, &none)
	if err != nil {
		return c.broken(err)
	}
	c.writer, c.prev = w, h.Number
	c.b.segments.Store(h.Number)
	return nil
}

// seal ends the segment at what is known to be synced.
func (c *committer) seal() {
	c.sealed = c.writer.Synced()
	_ = c.writer.Close() // everything that counts is synced
	c.writer = nil
}

func (c *committer) write(g *group) error {
	err := c.writer.Write(&c.batch)
	if err == nil {
		err = c.writer.Sync()
	}
	if err != nil {
		c.seal()
		return c.broken(err)
	}
	c.b.full.Store(nil)
	return nil
}

// broken turns a failed write or fsync into what the callers hear. After a
// failed write, the next group tries again in a new segment; after a failed
// fsync nobody does.
func (c *committer) broken(err error) error {
	if segment.IsSyncError(err) {
		return c.b.stop(&foci.Error{
			Kind: foci.ReadOnly, Op: "commit", Where: c.b.opts.Dir, Msg: "no more records are taken", Err: err,
			Fix: "check the disk and restart the node; if it happens again, replace the disk",
		})
	}
	e := &foci.Error{
		Kind: foci.ReadOnly, Op: "commit", Where: c.b.opts.Dir, Msg: "cannot write to the disk", Err: err,
		Fix: "free space on the disk; writing resumes by itself",
	}
	c.b.full.Store(e)
	return e
}

// fail refuses everything in a group that could not be committed. What had
// been planned for it is forgotten.
func (c *committer) fail(g *group, err error) {
	c.drain()
	c.plan.forget()
	for _, p := range c.past {
		p.ids, c.gone = p.ids[:0], p.number
	}
	c.floors, c.epoch = *c.b.floors.Load(), foci.Epoch(c.b.epoch.Load())
	refused := g.taken
	if g.rows != nil { // the rest has been refused one by one
		refused = append(g.items, g.again...)
	}
	c.b.queue.finish(refused...)
	for i := range refused {
		refused[i].done(false, err)
	}
	c.recycle(g)
}

// admit decides on one item, in log order, and adds it to the group.
func (c *committer) admit(g *group, it *item) {
	if it.store == nil {
		c.admitControl(g, it)
		return
	}
	r := &it.store.Record
	if it.seen.group < c.gone {
		it.seen.known = false // what it says may be outdated
	}
	o, err := c.plan.open(&r.ID, &it.seen)
	if err != nil {
		c.refuse(it, err)
		return
	}
	defer func() {
		if len(o.entries) == 0 {
			c.plan.drop(&r.ID, o)
		}
	}()
	at, found, err := c.plan.find(o, &r.ID, r.Version)
	if err == nil && found {
		err = object.SameContent(&at.entry, &r.Entry)
	}
	if err != nil {
		c.refuse(it, err)
		return
	}
	if found {
		c.repeat(it, at.group)
		return
	}
	if err := object.Admit(it.store, c.floors.of(r.ID.Prefix()), c.b.opts.Now()); err != nil {
		c.refuse(it, err)
		return
	}
	after, err := c.plan.next(o, &r.ID, &r.Entry)
	if err != nil {
		c.refuse(it, err)
		return
	}
	rec := segment.Record{Kind: segment.Object, Record: *r}
	loc := c.batch.Append(&rec)
	if err := c.plan.add(g.rows, o, r, after, placed{r.Entry, loc, g}, &g.totals); err != nil {
		// Rows are put together in memory: only a bug comes here, and the
		// record is in the batch already.
		panic(err)
	}
	g.items, g.ids = append(g.items, *it), append(g.ids, r.ID)
}

// repeat answers for a record that is there, or will be with its group.
func (c *committer) repeat(it *item, g *group) {
	if g != nil && g.share(it) {
		return
	}
	c.b.queue.finish(*it)
	it.done(true, nil)
}

// share makes the item wait for the group, unless that has ended.
func (g *group) share(it *item) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.finished {
		g.again = append(g.again, *it)
	}
	return !g.finished
}

func (c *committer) refuse(it *item, err error) {
	c.b.queue.finish(*it)
	it.done(false, err)
}

// admitControl adds an epoch or a floor, unless it changes nothing.
func (c *committer) admitControl(g *group, it *item) {
	switch it.rec.Kind {
	case segment.Epoch:
		if it.rec.Entry.Size <= c.b.epoch.Load() {
			c.repeat(it, nil)
			return
		}
		c.epoch = max(c.epoch, foci.Epoch(it.rec.Entry.Size))
	case segment.Floor:
		raised := c.floors.raise(floorOf(&it.rec))
		if len(raised) > maxFloors {
			c.refuse(it, foci.Errorf(foci.TooLarge, "the floors of a backend may have at most %d ranges", maxFloors))
			return
		}
		c.floors = raised
	}
	c.batch.Append(&it.rec)
	g.items = append(g.items, *it)
}

// mark is the last record of an orderly end: it says that everything before it
// was synced, so that damage to the last records is not mistaken for a crash.
func (c *committer) mark() {
	if c.writer == nil {
		return
	}
	if c.unsure && c.b.refusal() == nil {
		var b segment.Batch
		b.Reset(c.writer)
		b.Append(&segment.Record{Kind: segment.Mark})
		if c.writer.Write(&b) == nil {
			_ = c.writer.Sync() // the mark adds nothing to what is durable
		}
	}
	_ = c.writer.Close()
	c.writer = nil
}

// room fails when a write would leave less free space than is reserved.
func (b *Backend) room(need int64) error {
	if b.opts.ReserveBytes < 0 {
		return nil
	}
	free, ok := vfs.Free(b.opts.FS, b.opts.Dir)
	if !ok || free >= uint64(need+b.opts.ReserveBytes) {
		return nil
	}
	e := &foci.Error{
		Kind: foci.ReadOnly, Op: "commit", Where: b.opts.Dir, Msg: "the disk is full",
		Fix: "free space on the disk; writing resumes by itself",
	}
	b.full.Store(e)
	return e
}
