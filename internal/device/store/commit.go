package store

import (
	"sync"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/store/index"
	"github.com/foci-store/foci/internal/device/vfs"
)

const (
	movingBatches     = 3 // in the committer's hand, on its way to the index, entering it
	rememberedBatches = 5 // visible, but what a caller looked up may be from before
)

// committer writes the log. The worker whose turn it is has its fields for
// itself, but for entries.
type committer struct {
	b    *Backend
	turn sync.Mutex // guards what follows

	plan *plan
	over bool              // the queue is closed and empty
	free []*commitBatch    // to be filled
	past []*commitBatch    // remembered, oldest first
	gone uint64            // number of the newest forgotten batch
	next uint64            // number of the next batch
	last int               // how many records the last batch had
	back chan *commitBatch // those that have entered the index, or never will

	log        segment.Batch    // the records of the commit batch in hand
	writer     *segment.Writer  // nil: the next batch begins a new segment
	prev       uint64           // the newest segment
	sealed     uint32           // its length, when writer is nil
	watermarks index.Watermarks // as of the last batch, visible or not
	epoch      foci.Epoch
	unsure     bool // records since the last mark

	entries entries // has a lock of its own
}

// take fills a batch from the queue and commits it. It returns nil when nothing
// of it was committed, and false when there will be no more.
func (c *committer) take() (*commitBatch, bool) {
	c.turn.Lock()
	defer c.turn.Unlock()
	if c.over {
		return nil, false
	}
	batch := c.idle()
	c.pace()
	var ok bool
	batch.taken, ok = c.b.queue.take(batch.taken[:0], c.b.opts.MaxBatchRecords, c.b.opts.MaxBatchBytes)
	c.settle()
	if !ok {
		c.drain()
		c.mark()
		c.over = true
		close(c.b.ended)
		return nil, false
	}
	c.last = len(batch.taken)
	if !c.commit(batch) {
		return nil, true
	}
	return batch, true
}

// commit writes a batch to the log and reports whether it has, and something
// is to enter the index.
func (c *committer) commit(batch *commitBatch) bool {
	if err := c.prepare(batch); err != nil {
		c.fail(batch, err)
		return false
	}
	batch.rows = c.b.index.NewRows()
	c.log.Reset(c.writer)
	batch.number = c.next
	for i := range batch.taken {
		c.admit(batch, &batch.taken[i])
	}
	if c.log.Empty() {
		_ = batch.rows.Close()
		c.recycle(batch)
		return false
	}
	batch.end, batch.watermarks, batch.epoch = c.log.End(), c.watermarks, c.epoch
	if err := c.write(batch); err != nil {
		_ = batch.rows.Close()
		c.fail(batch, err)
		return false
	}
	c.unsure = true
	c.next++
	c.entries.add(batch)
	return true
}

// prepare makes sure that there is a segment with room for the batch.
func (c *committer) prepare(batch *commitBatch) error {
	if err := c.b.refusal(); err != nil {
		return err
	}
	need := int64(0)
	for i := range batch.taken {
		need += batch.taken[i].space()
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

func (c *committer) write(batch *commitBatch) error {
	err := c.writer.Write(&c.log)
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

// broken turns a failed write or fsync into the error for the callers. After a
// failed write the next batch tries again in a new segment. After a failed fsync
// nothing is written any more.
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

// fail refuses all items of a batch that could not be committed, before it waits for
// the batches before it, which may wait for space. It drops what was planned for the
// batch.
func (c *committer) fail(batch *commitBatch, err error) {
	refused := batch.taken
	if batch.rows != nil { // the rest has been refused one by one
		refused = append(batch.items, batch.again...)
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
	c.recycle(batch)
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

// room fails when a write would leave less than the reserved free space.
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
