package store

import (
	"sync"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/vfs"
)

const (
	movingGroups     = 3 // in the committer's hand, on its way to the index, entering it
	rememberedGroups = 5 // visible, but what a caller looked up may be from before
)

// committer writes the log. The worker whose turn it is has its fields for
// itself, but for entries.
type committer struct {
	b    *Backend
	turn sync.Mutex // guards what follows

	plan *plan
	over bool        // the queue is closed, and nothing of it is left
	free []*group    // to be filled
	past []*group    // remembered, oldest first
	gone uint64      // number of the newest group that is remembered no more
	next uint64      // number of the next group
	last int         // how many records the last group had
	back chan *group // those that have entered the index, or never will

	batch      segment.Batch
	writer     *segment.Writer // nil: the next group begins a new segment
	prev       uint64          // the newest segment
	sealed     uint32          // its length, when writer is nil
	watermarks watermarks      // as of the last group, visible or not
	epoch      foci.Epoch
	unsure     bool // records since the last mark

	entries entries // has a lock of its own
}

// take fills a group from the queue and commits it. It returns nil when nothing
// of it was committed, and false when there will be no more.
func (c *committer) take() (*group, bool) {
	c.turn.Lock()
	defer c.turn.Unlock()
	if c.over {
		return nil, false
	}
	g := c.idle()
	c.pace()
	var ok bool
	g.taken, ok = c.b.queue.take(g.taken[:0], c.b.opts.MaxBatchRecords, c.b.opts.MaxBatchBytes)
	c.settle()
	if !ok {
		c.drain()
		c.mark()
		c.over = true
		close(c.b.ended)
		return nil, false
	}
	c.last = len(g.taken)
	if !c.commit(g) {
		return nil, true
	}
	return g, true
}

// commit writes a group to the log and reports whether it has, and something
// is to enter the index.
func (c *committer) commit(g *group) bool {
	if err := c.prepare(g); err != nil {
		c.fail(g, err)
		return false
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
		return false
	}
	g.end, g.watermarks, g.epoch = c.batch.End(), c.watermarks, c.epoch
	if err := c.write(g); err != nil {
		_ = g.rows.Close()
		c.fail(g, err)
		return false
	}
	c.unsure = true
	c.next++
	c.entries.add(g)
	return true
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

// fail refuses everything in a group that could not be committed, at once: the
// groups before it may wait for space. What had been planned for it is
// forgotten.
func (c *committer) fail(g *group, err error) {
	refused := g.taken
	if g.rows != nil { // the rest has been refused one by one
		refused = append(g.items, g.again...)
	}
	if !mutant.On(mutant.LateRefusal) {
		c.b.refuse(refused, err)
	}
	c.drain()
	if mutant.On(mutant.LateRefusal) {
		c.b.refuse(refused, err)
	}
	c.plan.forget()
	for _, p := range c.past {
		p.ids, c.gone = p.ids[:0], p.number
	}
	c.watermarks, c.epoch = *c.b.watermarks.Load(), foci.Epoch(c.b.epoch.Load())
	c.recycle(g)
}

// refuse refuses items that the queue has given out.
func (b *Backend) refuse(items []item, err error) {
	b.queue.finish(items...)
	for i := range items {
		items[i].done(false, err)
	}
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
