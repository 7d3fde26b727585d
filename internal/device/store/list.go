package store

import (
	"errors"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// List is a page of a bucket's keys, removed ones included. rep.Epoch is left
// to the caller.
//
// Kinds of errors: Invalid (bucket), NotReady, Corrupt, Closed.
func (b *Backend) List(l *wire.List) (rep wire.ListReply, err error) {
	if err := foci.ValidateBucket(l.Bucket); err != nil {
		return rep, err
	}
	if err := b.enterUse(); err != nil {
		return rep, err
	}
	defer b.leaveUse()
	limit := int(l.Limit)
	if limit == 0 || limit > wire.MaxListed {
		limit = wire.MaxListed
	}
	it, err := b.index.db.NewIter(listBounds(l))
	if err != nil {
		return rep, indexError(err)
	}
	skip := len(nameKey(nil, l.Bucket, ""))
	for it.First(); it.Valid() && err == nil; it.Next() {
		if rep.More = len(rep.Keys) == limit; rep.More {
			break
		}
		var k wire.Listed
		k, err = b.listed(l.Bucket, string(it.Key()[skip:]))
		rep.Keys = append(rep.Keys, k)
	}
	return rep, errors.Join(err, indexError(it.Close()))
}

func (b *Backend) listed(bucket, key string) (wire.Listed, error) {
	id := foci.ObjectID(foci.Name{Bucket: bucket, Key: key})
	s, ok, err := b.index.summary(&id)
	if err == nil && !ok {
		err = indexError(errors.New("a name without an object"))
	}
	v := s.vote
	v.Watermark = b.Watermark(id)
	return wire.Listed{Key: key, Vote: v}, err
}

// listBounds is where the rows of the page are.
func listBounds(l *wire.List) *pebble.IterOptions {
	o := &pebble.IterOptions{LowerBound: nameKey(nil, l.Bucket, l.Prefix)}
	o.UpperBound = append([]byte{}, o.LowerBound...)
	for i := len(o.UpperBound) - 1; i >= 0; i-- { // the next string that does not begin so
		if o.UpperBound[i]++; o.UpperBound[i] != 0 {
			o.UpperBound = o.UpperBound[:i+1]
			break
		}
	}
	if l.After != "" && strings.Compare(l.After, l.Prefix) >= 0 {
		o.LowerBound = append(nameKey(nil, l.Bucket, l.After), 0)
	}
	return o
}

// Scan calls fn for every object and chunk with from ≤ id ≤ to, in order,
// until it returns false. It sees one moment of the backend.
//
// Kinds of errors: NotReady, Corrupt, Closed.
func (b *Backend) Scan(from, to foci.ID, fn func(id foci.ID, v record.Vote) bool) error {
	if err := b.enterUse(); err != nil {
		return err
	}
	defer b.leaveUse()
	it, err := b.index.db.NewIter(&pebble.IterOptions{
		LowerBound: objectKey(nil, &from), UpperBound: append(objectKey(nil, &to), 0),
	})
	if err != nil {
		return indexError(err)
	}
	for it.First(); it.Valid(); it.Next() {
		var s summary
		if s, err = parseSummary(it.Value()); err != nil {
			break
		}
		id := foci.ID(it.Key()[1:])
		s.vote.Watermark = b.Watermark(id)
		if !fn(id, s.vote) {
			break
		}
	}
	return errors.Join(err, indexError(it.Close()))
}
