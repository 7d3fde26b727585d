package store

import (
	"encoding/binary"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/object"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/device/segment"
)

var binaryLE = binary.LittleEndian

// plan turns records, in log order, into rows of the index. It sees what is in
// the index and, over it, what is on its way there. The committing goroutine
// (at start the replaying one) has it for itself.
type plan struct {
	index   *index
	objects map[foci.ID]*onWay
	spare   []*onWay
	scratch []byte
}

// onWay is an object with transactions that the index may not have yet.
type onWay struct {
	sum     summary
	entries []placed // on their way, oldest first

	// first was the only transaction until now: it has been in the index for
	// long, perhaps, but its version row is on its way. Zero: none.
	first placed
}

// placed is a transaction on its way, and the group that brings it.
type placed struct {
	entry record.Entry
	loc   segment.Loc
	group *group
}

// totals counts what a backend holds.
type totals struct{ records, objects, bytes uint64 }

func newPlan(x *index) *plan { return &plan{index: x, objects: make(map[foci.ID]*onWay)} }

// open is the object with everything before the next record. seen is its row
// in the index, if that is known.
func (p *plan) open(id *foci.ID, seen *sighting) (*onWay, error) {
	if o := p.objects[*id]; o != nil {
		return o, nil
	}
	sum := seen.sum
	if !seen.known {
		var err error
		if sum, _, err = p.index.summary(id); err != nil {
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
// index. Groups enter in order, and so do their records.
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

// find is the transaction of a version: on its way (with its group), or in the
// index (group nil), or nowhere.
func (p *plan) find(o *onWay, id *foci.ID, v foci.Version) (at placed, ok bool, err error) {
	if o.sum.total == 0 || o.sum.vote.Newest.Less(v) {
		return at, false, nil
	}
	for i := range o.entries {
		if o.entries[i].entry.Version == v {
			return o.entries[i], true, nil
		}
	}
	if o.first.entry.Version == v {
		return o.first, true, nil
	}
	if o.sum.sole && o.sum.entry.Version == v {
		return placed{entry: o.sum.entry, loc: o.sum.loc}, true, nil
	}
	if o.sum.total == 1 {
		return at, false, nil
	}
	p.scratch = versionKey(p.scratch[:0], id, v)
	row, err := p.index.get(p.scratch)
	if err != nil || row == nil {
		return at, false, err
	}
	at.entry, at.loc, err = parsePlaced(row)
	return at, err == nil, err
}

// next is the object's summary after e, without a place for e yet. It fails
// with TooLarge.
func (p *plan) next(o *onWay, id *foci.ID, e *record.Entry) (summary, error) {
	var scanErr error
	vote, err := object.Apply(o.sum.vote, e, p.newer(o, id, e.Version, &scanErr))
	if scanErr != nil {
		err = scanErr
	}
	return summary{vote: vote, total: o.sum.total + 1}, err
}

// newer is every transaction of the object after v.
func (p *plan) newer(o *onWay, id *foci.ID, v foci.Version, failed *error) iter.Seq[record.Entry] {
	return func(yield func(record.Entry) bool) {
		seen := make(map[foci.Version]bool, 1+len(o.entries))
		for i := -1; i < len(o.entries); i++ {
			e := &o.first.entry
			if i >= 0 {
				e = &o.entries[i].entry
			}
			if v.Less(e.Version) && !seen[e.Version] && !yield(*e) {
				return
			}
			seen[e.Version] = true
		}
		if o.sum.total == 1 {
			if e := &o.sum.entry; v.Less(e.Version) && !seen[e.Version] {
				yield(*e)
			}
			return
		}
		it, err := p.index.versions(id, v)
		if err != nil {
			*failed = err
			return
		}
		for ; it.Valid(); it.Next() {
			e, _, err := parsePlaced(it.Value())
			if err != nil {
				*failed = err
				break
			}
			if v.Less(e.Version) && !seen[e.Version] && !yield(e) {
				break
			}
		}
		if err := it.Close(); err != nil {
			*failed = indexError(err)
		}
	}
}

// add writes the rows of a record that was placed at loc, and makes after,
// which next foretold, the object's state.
func (p *plan) add(rows *pebble.Batch, o *onWay, r *record.Record, after summary, at placed, t *totals) error {
	before := &o.sum
	t.records++
	t.bytes += uint64(r.Length)
	if after.vote.Count == 1 {
		after.sole, after.entry, after.loc = before.sole, before.entry, before.loc
		if after.vote.Base == r.Version || before.total == 0 {
			after.sole, after.entry, after.loc = true, r.Entry, at.loc
		}
	}
	if before.total == 0 {
		t.objects++
		if r.Op != record.OpChunk {
			p.scratch = nameKey(p.scratch[:0], r.Name.Bucket, r.Name.Key)
			if err := rows.Set(p.scratch, nil, nil); err != nil {
				return err
			}
		}
	}
	if before.total == 1 {
		o.first = placed{entry: before.entry, loc: before.loc}
		if err := p.addVersion(rows, &r.ID, &before.entry, before.loc); err != nil {
			return err
		}
	}
	if after.total > 1 {
		if err := p.addVersion(rows, &r.ID, &r.Entry, at.loc); err != nil {
			return err
		}
	}
	o.sum = after
	o.entries = append(o.entries, at)
	key := objectKey(p.scratch[:0], &r.ID)
	p.scratch = after.append(key)
	return rows.Set(p.scratch[:len(key)], p.scratch[len(key):], nil)
}

func (p *plan) addVersion(rows *pebble.Batch, id *foci.ID, e *record.Entry, loc segment.Loc) error {
	key := versionKey(p.scratch[:0], id, e.Version)
	p.scratch = appendPlaced(key, e, loc)
	return rows.Set(p.scratch[:len(key)], p.scratch[len(key):], nil)
}
