package store

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/store/index"
)

// Put stores a record and calls done once: when the record is fsynced and visible (dup:
// it was before), or with an error when it is not stored. s and its payload belong to
// the store until then. done must be quick; it may run before Put returns. Put reads
// the index, and so perhaps the disk. The caller has checked the record
// ([record.Record.Check]).
//
// Kinds of errors: Busy (too much waits already), ReadOnly, NotReady, Conflict,
// ClockAhead, BelowWatermark, TooLarge, Invalid, Corrupt (the index), Closed.
func (b *Backend) Put(s *wire.Store, done func(dup bool, err error)) {
	err := b.refusal()
	if err == nil {
		err = checkShape(&s.Record)
	}
	if err == nil {
		err = b.accept(s, done)
	}
	if err != nil {
		done(false, err)
	}
}

// accept looks the object up and queues the record. The lookup runs on the caller's
// goroutine, because many callers can do that at once.
func (b *Backend) accept(s *wire.Store, done func(dup bool, err error)) error {
	if err := b.enterUse(); err != nil {
		return err
	}
	defer b.leaveUse()
	it := item{store: s, done: done}
	visible := b.visibleBatch.Load()
	// A little younger than what is remembered: it still has to wait.
	if seen, ok := b.sightings.recall(&s.Record.ID, visible-min(visible, rememberedBatches/2)); ok {
		it.seen = seen
		return b.queue.put(it)
	}
	var err error
	if it.seen, err = b.look(&s.Record.ID, b.index.Absent); err != nil {
		return err
	}
	return b.queue.put(it)
}

// look reads an object's row, and records a batch that the row includes at least.
func (b *Backend) look(id *foci.ID, read func(*foci.ID) (index.Summary, error)) (s sighting, err error) {
	s.batch = b.visibleBatch.Load()
	s.sum, err = read(id)
	s.known = err == nil
	return s, err
}

// checkShape checks what the log and the index rely on. It does not read the payload.
func checkShape(r *record.Record) error {
	switch {
	case !r.Op.Valid() || int(r.Length) != len(r.Payload) || r.Version.Time < 0 || r.Version.Time >= foci.MaxTime || r.Version.IsZero():
		return foci.Errorf(foci.Invalid, "record %v of %v: malformed", r.Version, r.Name)
	case len(r.Payload) > foci.MaxPayload || len(r.Meta) > foci.MaxMetaLen:
		return foci.Errorf(foci.TooLarge, "record %v of %v: payload of %d and metadata of %d bytes, at most %d and %d are allowed",
			r.Version, r.Name, len(r.Payload), len(r.Meta), foci.MaxPayload, foci.MaxMetaLen)
	case r.Op != record.OpChunk && r.ID != foci.ObjectID(r.Name):
		return foci.Errorf(foci.Invalid, "record %v of %v: id does not belong to the name", r.Version, r.Name)
	}
	return r.Name.Validate()
}

// refusal returns why no records are accepted, or nil.
func (b *Backend) refusal() error {
	if b.notReady != nil {
		return b.notReady
	}
	if e := b.stopped.Load(); e != nil {
		return e
	}
	if e := b.inMemory.Load(); e != nil {
		return e
	}
	if why := b.index.Trouble(); why != "" {
		return b.noSpace(why)
	}
	if b.index.IsFull() && !mutant.On(mutant.WritesOnFullIndex) {
		return b.noSpace(indexWaits)
	}
	return nil
}

// noSpace is the error of a full disk; records are accepted again once there is space.
func (b *Backend) noSpace(why string) *foci.Error {
	return &foci.Error{
		Kind: foci.ReadOnly, Op: "commit", Where: b.opts.Dir, Msg: why,
		Fix: "free space on the disk; writing resumes by itself",
	}
}

// stop refuses all further records, for good. It returns why.
func (b *Backend) stop(why *foci.Error) error {
	if b.stopped.CompareAndSwap(nil, why) {
		b.log.Error("backend is read-only", "err", why)
	}
	return b.stopped.Load()
}
