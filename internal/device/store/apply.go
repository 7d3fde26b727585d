package store

import (
	"sync/atomic"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/store/index"
)

// enter makes one batch visible. It never returns when the index fails in the
// middle, and waits while the disk is full.
func (b *Backend) enter(batch *commitBatch) error {
	t := b.totals.load()
	t.Add(batch.totals)
	if err := batch.rows.SetMeta(&index.Meta{Cursor: batch.end, Totals: t, Epoch: batch.epoch, Watermarks: batch.watermarks}); err != nil {
		return err
	}
	if err := batch.rows.Commit(); err != nil {
		return err
	}
	b.visibleBatch.Store(batch.number)
	_ = batch.rows.Close() // returns it to its pool
	b.totals.store(t)
	f := batch.watermarks // the batch will be used again
	b.watermarks.Store(&f)
	b.epoch.Store(uint64(batch.epoch))
	return nil
}

// settle ends a batch.
func (b *Backend) settle(batch *commitBatch, err error) {
	if err != nil {
		err = b.stop(&foci.Error{
			Kind: foci.ReadOnly, Op: "index", Where: b.opts.Dir, Msg: "no more records are taken", Err: err,
			Fix: "restart the node: what is in the log will be indexed again",
		})
	}
	b.answer(batch, err)
}

// answer calls back all callers of the batch, once. A caller that repeats one of its
// records gets the same result, marked as a duplicate once the batch is visible.
func (b *Backend) answer(batch *commitBatch, err error) {
	batch.mu.Lock()
	first := !batch.finished
	batch.finished = true
	if first || err == nil || mutant.On(mutant.VisibleRefused) {
		batch.err = err
	}
	if first {
		b.queue.finish(batch.items...)
		b.queue.finish(batch.again...)
	}
	batch.mu.Unlock()
	if !first {
		return
	}
	for i := range batch.items {
		batch.items[i].done(false, err)
	}
	for i := range batch.again {
		batch.again[i].done(err == nil, err)
	}
}

// sharedTotals are written by one goroutine and read by any.
type sharedTotals struct{ records, objects, bytes atomic.Uint64 }

func (s *sharedTotals) load() index.Totals {
	return index.Totals{Records: s.records.Load(), Objects: s.objects.Load(), Bytes: s.bytes.Load()}
}

func (s *sharedTotals) store(t index.Totals) {
	s.records.Store(t.Records)
	s.objects.Store(t.Objects)
	s.bytes.Store(t.Bytes)
}
