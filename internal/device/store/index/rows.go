package index

import (
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/foci-store/foci"
)

// Rows are changes of the index that are committed together.
type Rows struct {
	batch   *pebble.Batch
	scratch []byte // memory of keys and values
}

// spareRows keeps the memory of closed rows.
var spareRows = sync.Pool{New: func() any { return new(Rows) }}

// NewRows begins changes.
func (x *Index) NewRows() *Rows {
	r := spareRows.Get().(*Rows)
	r.batch = x.db.NewBatch()
	return r
}

// Close gives back the memory of rows that were committed, or drops others. The rows
// must not be used afterwards.
func (r *Rows) Close() error {
	err := r.batch.Close()
	r.batch = nil
	spareRows.Put(r)
	return err
}

// Commit writes the rows. It waits while the disk is full, and never returns when
// the index fails in the middle: see [Index.Gone].
func (r *Rows) Commit() error { return r.batch.Commit(pebble.NoSync) }

// SetObject replaces the row of an object.
func (r *Rows) SetObject(id *foci.ID, s *Summary) error {
	key := objectKey(r.scratch[:0], id)
	r.scratch = s.append(key)
	return r.batch.Set(r.scratch[:len(key)], r.scratch[len(key):], nil)
}

// SetVersion adds the version row of a transaction.
func (r *Rows) SetVersion(id *foci.ID, p *Placed) error {
	key := versionKey(r.scratch[:0], id, p.Entry.Version)
	r.scratch = appendPlaced(key, p)
	return r.batch.Set(r.scratch[:len(key)], r.scratch[len(key):], nil)
}

// SetName makes the listing of a bucket name an object.
func (r *Rows) SetName(n foci.Name) error {
	r.scratch = nameKey(r.scratch[:0], n.Bucket, n.Key)
	return r.batch.Set(r.scratch, nil, nil)
}

// SetHint replaces the row of a hint.
func (r *Rows) SetHint(g foci.Group, id *foci.ID, row []byte) error {
	return r.batch.Set(hintKey(nil, g, id), row, nil)
}

// DeleteHint deletes the row of a hint.
func (r *Rows) DeleteHint(g foci.Group, id *foci.ID) error {
	return r.batch.Delete(hintKey(nil, g, id), nil)
}
