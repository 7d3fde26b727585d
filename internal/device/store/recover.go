package store

import (
	"encoding/binary"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/object"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/store/index"
	"github.com/foci-store/foci/internal/device/vfs"
)

// replayRecords is how many records enter the index at once at start.
const replayRecords = 1024

// replayer brings an index up to the end of the log at start.
type replayer struct {
	b     *Backend
	index *index.Index
	plan  *plan
	rows  *index.Rows
	n     int
	meta  index.Meta
	hints *share.Pool  // rows
	after func() error // called after each batch of rows; nil: nothing
}

// replay replays the synced records that the index lacks.
//
// A damaged log is Corrupt; any other error is the disk's.
func (b *Backend) replay(x *index.Index, fs vfs.FS, after func() error) (*replayer, *segment.Chain, segment.Tail, error) {
	r := &replayer{b: b, index: x, plan: newPlan(x), after: after}
	chain, err := segment.Load(fs, b.segmentsDir(), b.id)
	if err == nil && chain.Len() == 0 {
		err = foci.Errorf(foci.Corrupt, "segment 1 is missing")
	}
	if err == nil {
		r.meta, err = x.Meta()
	}
	if err != nil {
		return nil, nil, segment.Tail{}, err
	}
	tail, err := chain.Replay(r.meta.Cursor, r.record)
	return r, chain, tail, err
}

// recover replays the records that the index lacks, and makes the tail, which may have
// been acknowledged, durable again. It returns the state from which commits continue.
func (b *Backend) recover(x *index.Index, fs vfs.FS) (*committer, *replayer, error) {
	r, chain, tail, err := b.replay(x, fs, nil)
	if err != nil {
		return nil, nil, err
	}
	c := &committer{b: b, plan: r.plan, next: 1, prev: chain.Newest(), sealed: tail.Proven}
	if err := c.rewrite(r, chain, tail, fs); err != nil {
		return nil, nil, err
	}
	if err := r.finish(); err != nil {
		return nil, nil, err
	}
	c.watermarks, c.epoch = r.meta.Watermarks, r.meta.Epoch
	return c, r, nil
}

// finish indexes the remaining records.
func (r *replayer) finish() (err error) {
	if err = r.flush(); err == nil {
		r.hints, err = countHints(r.index, r.b.opts.MaxHints)
	}
	return err
}

// install makes the replayed state the backend's state.
func (b *Backend) install(r *replayer, segments uint64) {
	b.index = r.index
	b.segments.Store(segments)
	b.totals.store(r.meta.Totals)
	b.watermarks.Store(&r.meta.Watermarks)
	b.epoch.Store(uint64(r.meta.Epoch))
	b.hints.mu.Lock()
	b.hints.pool = r.hints
	b.hints.mu.Unlock()
}

// rewrite copies the tail of the log into a new segment and indexes it there. The old
// bytes cannot be trusted: an fsync of them may have failed before the restart, and
// the operating system does not remember that.
func (c *committer) rewrite(r *replayer, chain *segment.Chain, tail segment.Tail, fs vfs.FS) error {
	h := segment.NewHeader(c.b.id, c.prev, c.sealed)
	var first segment.Batch
	first.ResetFirst(h)
	var copies []segment.Record
	var places []segment.Loc
	err := chain.ReadTail(tail, func(rec *segment.Record) error {
		if rec.Kind != segment.Mark {
			places = append(places, first.Append(rec))
			copies = append(copies, *rec)
		}
		return nil
	})
	if err != nil || len(copies) == 0 {
		return err
	}
	if c.writer, err = segment.Create(fs, c.b.segmentsDir(), h, &first); err != nil {
		return err
	}
	c.prev, c.unsure = h.Number, true
	for i := range copies {
		if err := r.add(&copies[i], places[i]); err != nil {
			return err
		}
	}
	r.meta.Cursor = first.End()
	return nil
}

func (r *replayer) record(h *segment.Head, loc segment.Loc) error {
	if err := r.add(&h.Record, loc); err != nil {
		return err
	}
	r.meta.Cursor = loc.End()
	if r.n < replayRecords {
		return nil
	}
	return r.flush()
}

func (r *replayer) add(rec *segment.Record, loc segment.Loc) error {
	if r.rows == nil {
		r.rows = r.index.NewRows()
	}
	r.n++
	switch rec.Kind {
	case segment.Epoch:
		r.meta.Epoch = max(r.meta.Epoch, foci.Epoch(rec.Entry.Size))
	case segment.Watermark:
		r.meta.Watermarks = r.meta.Watermarks.Raise(watermarkOf(rec))
	case segment.Hint, segment.Unhint:
		return hintRow(r.rows, rec)
	case segment.Object:
		return r.object(rec, loc)
	}
	return nil
}

// object indexes a record, unless its version is indexed already: then the earlier
// record was acknowledged, and this one never was.
func (r *replayer) object(rec *segment.Record, loc segment.Loc) error {
	o, err := r.plan.open(&rec.ID, &sighting{})
	if err != nil {
		return err
	}
	at, found, err := r.plan.find(o, &rec.ID, rec.Version)
	if err != nil {
		return err
	}
	if found {
		if err := object.SameContent(&at.Entry, &rec.Entry); err != nil {
			r.b.log.Error("log holds a version twice, the first one counts", "id", rec.ID.Short(), "err", err)
		}
		return nil
	}
	after, err := r.plan.next(o, &rec.ID, &rec.Entry)
	if err != nil {
		return err
	}
	return r.plan.add(r.rows, o, &rec.Record, after, placed{Placed: index.Placed{Entry: rec.Entry, Loc: loc}}, &r.meta.Totals)
}

// flush commits the added rows and the cursor to the index.
func (r *replayer) flush() error {
	if r.rows == nil {
		return nil
	}
	if err := r.rows.SetMeta(&r.meta); err != nil {
		return err
	}
	if err := r.index.Commit(r.rows); err != nil {
		return err
	}
	_ = r.rows.Close()
	r.rows, r.n = nil, 0
	r.plan.forget()
	if r.after != nil {
		return r.after()
	}
	return nil
}

// watermarkRecord says that the watermark of the prefixes from..to is v; watermarkOf reads
// it.
func watermarkRecord(from, to uint64, v foci.Version) segment.Record {
	r := segment.Record{Kind: segment.Watermark}
	r.Version = v
	binary.BigEndian.PutUint64(r.ID[:8], from)
	binary.BigEndian.PutUint64(r.ID[8:16], to)
	return r
}

func watermarkOf(r *segment.Record) (from, to uint64, v foci.Version) {
	return binary.BigEndian.Uint64(r.ID[:8]), binary.BigEndian.Uint64(r.ID[8:16]), r.Version
}
