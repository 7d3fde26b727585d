package store

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/object"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/store/index"
)

// admit accepts or refuses one item, in log order; an accepted one joins the batch.
func (c *committer) admit(batch *commitBatch, it *item) {
	if it.store == nil {
		c.admitControl(batch, it)
		return
	}
	r := &it.store.Record
	if it.seen.batch < c.gone {
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
		err = object.SameContent(&at.Entry, &r.Entry)
	}
	if err != nil {
		c.refuse(it, err)
		return
	}
	if found {
		c.repeat(it, at.batch)
		return
	}
	if err := object.Admit(it.store, o.sum.Vote.Newest, c.watermarks.Of(r.ID.Prefix()), c.b.opts.Now()); err != nil {
		c.refuse(it, err)
		return
	}
	after, err := c.plan.next(o, &r.ID, &r.Entry)
	if err != nil {
		c.refuse(it, err)
		return
	}
	rec := segment.Record{Kind: segment.Object, Record: *r}
	loc := c.log.Append(&rec)
	if err := c.plan.add(batch.rows, o, r, after, placed{index.Placed{Entry: r.Entry, Loc: loc}, batch}, &batch.totals); err != nil {
		// Rows are put together in memory: only a bug comes here, and the
		// record is in the batch already.
		panic(err)
	}
	batch.items, batch.ids = append(batch.items, *it), append(batch.ids, r.ID)
}

// repeat answers for a record that is stored already, or will be with its batch.
func (c *committer) repeat(it *item, batch *commitBatch) {
	if batch != nil {
		waits, err := batch.share(it)
		if waits {
			return
		}
		if err != nil { // durable, but not visible
			c.refuse(it, err)
			return
		}
	}
	c.b.queue.finish(*it)
	it.done(true, nil)
}

func (c *committer) refuse(it *item, err error) {
	c.b.queue.finish(*it)
	it.done(false, err)
}

// admitControl adds an epoch or a watermark, unless it changes nothing, or a hint.
func (c *committer) admitControl(batch *commitBatch, it *item) {
	switch it.rec.Kind {
	case segment.Epoch:
		if it.rec.Entry.Size <= c.b.epoch.Load() {
			c.repeat(it, nil)
			return
		}
		c.epoch = max(c.epoch, foci.Epoch(it.rec.Entry.Size))
	case segment.Watermark:
		raised := c.watermarks.Raise(watermarkOf(&it.rec))
		if len(raised) > index.MaxWatermarks {
			c.refuse(it, foci.Errorf(foci.TooLarge, "the watermarks of a backend may have at most %d ranges", index.MaxWatermarks))
			return
		}
		c.watermarks = raised
	case segment.Hint, segment.Unhint:
		if err := hintRow(batch.rows, &it.rec); err != nil {
			panic(err) // as in admit
		}
	}
	c.log.Append(&it.rec)
	batch.items = append(batch.items, *it)
}
