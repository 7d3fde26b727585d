package store

import (
	"errors"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/store/index"
)

// List returns a page of a bucket's keys, removed ones included. The caller sets
// rep.Epoch.
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
	var failed error
	err = b.index.Keys(l.Bucket, l.Prefix, l.After, func(key string) bool {
		if rep.More = len(rep.Keys) == limit; rep.More {
			return false
		}
		var k wire.Listed
		k, failed = b.listed(l.Bucket, key)
		rep.Keys = append(rep.Keys, k)
		return failed == nil
	})
	return rep, errors.Join(failed, err)
}

func (b *Backend) listed(bucket, key string) (wire.Listed, error) {
	id := foci.ObjectID(foci.Name{Bucket: bucket, Key: key})
	s, ok, err := b.index.Object(&id)
	if err == nil && !ok {
		err = index.Damaged(errors.New("a name without an object"))
	}
	v := s.Vote
	v.Watermark = b.Watermark(id)
	return wire.Listed{Key: key, Vote: v}, err
}

// Scan calls fn for every object and chunk with from ≤ id ≤ to, in order,
// until it returns false. It reads a snapshot of the backend.
//
// Kinds of errors: NotReady, Corrupt, Closed.
func (b *Backend) Scan(from, to foci.ID, fn func(id foci.ID, v record.Vote) bool) error {
	if err := b.enterUse(); err != nil {
		return err
	}
	defer b.leaveUse()
	return b.index.Objects(from, to, func(id foci.ID, s *index.Summary) bool {
		v := s.Vote
		v.Watermark = b.Watermark(id)
		return fn(id, v)
	})
}
