package store

import (
	"iter"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/object"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/device/store/index"
)

// plan turns records, in log order, into rows of the index. It sees what is in
// the index and, over it, what is on its way there. The committing goroutine
// (at start the replaying one) has it for itself.
type plan struct {
	index   *index.Index
	objects map[foci.ID]*onWay
	spare   []*onWay
}

// onWay is an object with transactions that the index may not have yet.
type onWay struct {
	sum     index.Summary
	entries []placed // on their way, oldest first

	// first was the only transaction until now: it has been in the index for
	// long, perhaps, but its version row is on its way. Zero: none.
	first placed
}

// placed is a transaction on its way, and the batch that brings it.
type placed struct {
	index.Placed
	batch *commitBatch
}

func newPlan(x *index.Index) *plan { return &plan{index: x, objects: make(map[foci.ID]*onWay)} }

// open is the object with everything before the next record. seen is its row
// in the index, if that is known.
func (p *plan) open(id *foci.ID, seen *sighting) (*onWay, error) {
	if o := p.objects[*id]; o != nil {
		return o, nil
	}
	sum := seen.sum
	if !seen.known {
		var err error
		if sum, _, err = p.index.Object(id); err != nil {
			return nil, err
		}
	}
	var o *onWay
	if n := len(p.spare); n > 0 {
		o, p.spare = p.spare[n-1], p.spare[:n-1]
		*o = onWay{entries: o.entries[:0]}
	} else {
		o = new(onWay)
	}
	o.sum = sum
	p.objects[*id] = o
	return o, nil
}

// release says that the object's oldest record on its way has entered the
// index. Batches enter in order, and so do their records.
func (p *plan) release(id *foci.ID) {
	o := p.objects[*id]
	if o == nil {
		return
	}
	o.entries[0] = placed{}
	o.entries = o.entries[1:]
	if len(o.entries) == 0 {
		p.drop(id, o)
	}
}

func (p *plan) drop(id *foci.ID, o *onWay) {
	delete(p.objects, *id)
	clear(o.entries)
	if len(p.spare) < 1024 && cap(o.entries) <= 16 {
		p.spare = append(p.spare, o)
	}
}

// forget drops everything that is on its way.
func (p *plan) forget() {
	for id, o := range p.objects {
		p.drop(&id, o)
	}
}

// find is the transaction of a version: on its way (with its batch), or in the
// index (batch nil), or nowhere.
func (p *plan) find(o *onWay, id *foci.ID, v foci.Version) (at placed, ok bool, err error) {
	if o.sum.Total == 0 || o.sum.Vote.Newest.Less(v) {
		return at, false, nil
	}
	for i := range o.entries {
		if o.entries[i].Entry.Version == v {
			return o.entries[i], true, nil
		}
	}
	if o.first.Entry.Version == v {
		return o.first, true, nil
	}
	if o.sum.Sole && o.sum.Entry.Version == v {
		return placed{Placed: o.sum.Placed}, true, nil
	}
	if o.sum.Total == 1 {
		return at, false, nil
	}
	at.Placed, ok, err = p.index.Version(id, v)
	return at, ok, err
}

// next is the object's summary after e, without a place for e yet. It fails
// with TooLarge.
func (p *plan) next(o *onWay, id *foci.ID, e *record.Entry) (index.Summary, error) {
	var scanErr error
	vote, err := object.Apply(o.sum.Vote, e, p.newer(o, id, e.Version, &scanErr))
	if scanErr != nil {
		err = scanErr
	}
	return index.Summary{Vote: vote, Total: o.sum.Total + 1}, err
}

// newer is every transaction of the object after v.
func (p *plan) newer(o *onWay, id *foci.ID, v foci.Version, failed *error) iter.Seq[record.Entry] {
	return func(yield func(record.Entry) bool) {
		seen := make(map[foci.Version]bool, 1+len(o.entries))
		for i := -1; i < len(o.entries); i++ {
			e := &o.first.Entry
			if i >= 0 {
				e = &o.entries[i].Entry
			}
			if v.Less(e.Version) && !seen[e.Version] && !yield(*e) {
				return
			}
			seen[e.Version] = true
		}
		if o.sum.Total == 1 {
			if e := &o.sum.Entry; v.Less(e.Version) && !seen[e.Version] {
				yield(*e)
			}
			return
		}
		err := p.index.Versions(id, v, func(at index.Placed) bool {
			e := at.Entry
			return !v.Less(e.Version) || seen[e.Version] || yield(e)
		})
		if err != nil {
			*failed = err
		}
	}
}

// add writes the rows of a record that was placed at loc, and makes after,
// which next foretold, the object's state.
func (p *plan) add(rows *index.Rows, o *onWay, r *record.Record, after index.Summary, at placed, t *index.Totals) error {
	before := &o.sum
	t.Records++
	t.Bytes += uint64(r.Length)
	if after.Vote.Count == 1 {
		after.Sole, after.Placed = before.Sole, before.Placed
		if after.Vote.Base == r.Version || before.Total == 0 {
			after.Sole, after.Placed = true, index.Placed{Entry: r.Entry, Loc: at.Loc}
		}
	}
	if before.Total == 0 {
		t.Objects++
		if r.Op != record.OpChunk {
			if err := rows.SetName(r.Name); err != nil {
				return err
			}
		}
	}
	if before.Total == 1 {
		o.first = placed{Placed: before.Placed}
		if err := rows.SetVersion(&r.ID, &before.Placed); err != nil {
			return err
		}
	}
	if after.Total > 1 {
		if err := rows.SetVersion(&r.ID, &index.Placed{Entry: r.Entry, Loc: at.Loc}); err != nil {
			return err
		}
	}
	o.sum = after
	o.entries = append(o.entries, at)
	return rows.SetObject(&r.ID, &after)
}
