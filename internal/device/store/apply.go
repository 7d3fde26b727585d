package store

import (
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/segment"
)

// enter makes one group visible. It never returns when the index fails in the
// middle, and waits while the disk is full.
func (b *Backend) enter(g *group) error {
	t := b.totals.load()
	t.add(g.totals)
	if err := writeMeta(g.rows, g.end, t, g.epoch, g.watermarks); err != nil {
		return err
	}
	if err := g.rows.Commit(pebble.NoSync); err != nil {
		return err
	}
	b.visibleGroup.Store(g.number)
	_ = g.rows.Close() // returns it to its pool
	b.totals.store(t)
	f := g.watermarks // the group will be used again
	b.watermarks.Store(&f)
	b.epoch.Store(uint64(g.epoch))
	return nil
}

// settle ends a group.
func (b *Backend) settle(g *group, err error) {
	if err != nil {
		err = b.stop(&foci.Error{
			Kind: foci.ReadOnly, Op: "index", Where: b.opts.Dir, Msg: "no more records are taken", Err: err,
			Fix: "restart the node: what is in the log will be indexed again",
		})
	}
	b.answer(g, err)
}

// answer answers everybody who waits for the group, unless that has been done.
// Whoever repeats one of its records hears the same, and that it is there once
// the group is visible.
func (b *Backend) answer(g *group, err error) {
	g.mu.Lock()
	first := !g.finished
	g.finished = true
	if first || err == nil || mutant.On(mutant.VisibleRefused) {
		g.err = err
	}
	if first {
		b.queue.finish(g.items...)
		b.queue.finish(g.again...)
	}
	g.mu.Unlock()
	if !first {
		return
	}
	for i := range g.items {
		g.items[i].done(false, err)
	}
	for i := range g.again {
		g.again[i].done(err == nil, err)
	}
}

// writeMeta adds the rows about the backend to a batch: they change with it.
func writeMeta(rows *pebble.Batch, end segment.Pos, t totals, e foci.Epoch, f watermarks) error {
	var buf [24]byte
	b := binaryLE.AppendUint32(binaryLE.AppendUint64(buf[:0], end.Segment), end.Offset)
	if err := rows.Set(metaCursor, b, nil); err != nil {
		return err
	}
	b = binaryLE.AppendUint64(binaryLE.AppendUint64(buf[:0], t.records), t.objects)
	if err := rows.Set(metaTotals, binaryLE.AppendUint64(b, t.bytes), nil); err != nil {
		return err
	}
	if err := rows.Set(metaEpoch, binaryLE.AppendUint64(buf[:0], uint64(e)), nil); err != nil {
		return err
	}
	return rows.Set(metaWatermarks, f.append(nil), nil)
}

// meta is what the index says about the backend.
type meta struct {
	cursor     segment.Pos
	totals     totals
	epoch      foci.Epoch
	watermarks watermarks
}

func (x *index) meta() (m meta, err error) {
	rows := [4][]byte{}
	for i, key := range [4][]byte{metaCursor, metaTotals, metaEpoch, metaWatermarks} {
		if rows[i], err = x.get(key); err != nil {
			return m, err
		}
	}
	if rows[0] == nil {
		return m, nil // nothing has been indexed
	}
	r := codec.NewReader(rows[0])
	m.cursor = segment.Pos{Segment: r.U64(), Offset: r.U32()}
	t := codec.NewReader(rows[1])
	m.totals = totals{records: t.U64(), objects: t.U64(), bytes: t.U64()}
	e := codec.NewReader(rows[2])
	m.epoch = foci.Epoch(e.U64())
	if m.watermarks, err = parseWatermarks(rows[3]); err == nil && (r.Bad() || t.Bad() || e.Bad()) {
		err = badRow("meta")
	}
	return m, err
}

func (t *totals) add(u totals) {
	t.records += u.records
	t.objects += u.objects
	t.bytes += u.bytes
}

// sharedTotals are written by one goroutine and read by any.
type sharedTotals struct{ records, objects, bytes atomic.Uint64 }

func (s *sharedTotals) load() totals {
	return totals{s.records.Load(), s.objects.Load(), s.bytes.Load()}
}

func (s *sharedTotals) store(t totals) {
	s.records.Store(t.records)
	s.objects.Store(t.objects)
	s.bytes.Store(t.bytes)
}
