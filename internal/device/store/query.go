package store

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/store/index"
)

// Query returns the backend's vote on an object. If the content is exactly one put of
// at most inline bytes, rec is that put. With inline 0 rec is nil, even for an empty
// content with its metadata.
//
// Query takes a query with inline 0 for the first half of a put, when most likely there
// is no such object yet.
//
// Kinds of errors: NotReady, Corrupt, Closed.
func (b *Backend) Query(id foci.ID, inline uint32) (v record.Vote, rec *record.Record, err error) {
	if err := b.enterUse(); err != nil {
		return v, nil, err
	}
	defer b.leaveUse()
	seen, err := b.look(&id, b.row(inline == 0))
	if err != nil {
		return v, nil, err
	}
	b.sightings.note(&id, seen)
	s := &seen.sum
	// The watermark is read after the object. It is raised before anything is
	// destroyed, so that one of the two always shows the destroyed version.
	v = s.Vote
	v.Watermark = b.Watermark(id)
	if inline == 0 && !mutant.On(mutant.EmptyInline) {
		return v, nil, nil
	}
	if !s.Sole || s.Vote.BaseOp != record.OpPut && s.Vote.BaseOp != record.OpChunk || s.Loc.Length > inline {
		return v, nil, nil
	}
	h, err := b.read(&id, s.Loc)
	if err != nil {
		return v, nil, err
	}
	return v, &h.Record.Record, nil
}

// row reads an object's row, the zero Summary if there is none; absent says that
// this is likely.
func (b *Backend) row(absent bool) func(*foci.ID) (index.Summary, error) {
	if absent {
		return b.index.Absent
	}
	return func(id *foci.ID) (index.Summary, error) {
		s, _, err := b.index.Object(id)
		return s, err
	}
}

// read reads and verifies a whole record.
func (b *Backend) read(id *foci.ID, loc segment.Loc) (*segment.Head, error) {
	f, err := b.files.Acquire(loc.Segment)
	if err != nil {
		return nil, err
	}
	defer f.Done()
	h, err := f.Read(loc)
	if err == nil {
		err = sameObject(h, id)
	}
	return h, err
}

// sameObject guards against an index that points at another object's record.
func sameObject(h *segment.Head, id *foci.ID) error {
	if h.Kind != segment.Object || h.ID != *id {
		return index.Damaged(errMisplaced)
	}
	return nil
}

// Have reports whether the backend has a version of an object.
//
// Kinds of errors: NotReady, Corrupt, Closed.
func (b *Backend) Have(id foci.ID, v foci.Version, h record.Hash) (wire.HaveState, error) {
	if err := b.enterUse(); err != nil {
		return wire.HaveNo, err
	}
	defer b.leaveUse()
	// First the queue, then the index: a record that leaves the queue in between is
	// found in the index. A visible record may be queued, too: it was sent again.
	w, waits := b.queue.find(id, v)
	has, found, err := b.visible(&id, v)
	switch {
	case err != nil:
		return wire.HaveNo, err
	case found:
		return haveState(has == h, wire.HaveStored), nil
	case waits:
		return haveState(w.hash == h, wire.HaveInProgress), nil
	default:
		return wire.HaveNo, nil
	}
}

// visible returns the hash of an indexed version.
func (b *Backend) visible(id *foci.ID, v foci.Version) (h record.Hash, found bool, err error) {
	s, ok, err := b.index.Object(id)
	switch {
	case err != nil || !ok || s.Vote.Newest.Less(v):
		return h, false, err
	case s.Sole && s.Entry.Version == v:
		return s.Entry.Hash, true, nil
	case s.Total == 1:
		return h, false, nil
	}
	p, found, err := b.index.Version(id, v)
	return p.Entry.Hash, found, err
}

func haveState(same bool, s wire.HaveState) wire.HaveState {
	if !same {
		return wire.HaveConflict
	}
	return s
}
