package sim

import (
	"slices"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/object"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/core/wire"
)

// store is the disk of one backend: a log of which only the synced part
// survives a crash for certain. Only the synced part is visible.
type store struct {
	mutant    Mutant
	objects   map[foci.ID]*object.Log
	watermark record.Watermark // of the only range
	unsynced  []*pending       // in log order
}

// pending is a record that was written and not yet fsynced.
type pending struct {
	rec    record.Record
	synced []func(dup bool, err error)
}

func newStore(v Mutant) *store {
	return &store{mutant: v, objects: map[foci.ID]*object.Log{}}
}

// log is the visible log of an object, never nil.
func (s *store) log(id foci.ID) *object.Log {
	if l := s.objects[id]; l != nil {
		return l
	}
	return &object.Log{}
}

// vote is the replica's vote.
func (s *store) vote(id foci.ID) record.Vote {
	if s.mutant == ReadBeforeSync {
		return s.withUnsynced(id)
	}
	v := s.log(id).Vote()
	v.Watermark = s.watermark
	return v
}

// from is the visible log from a version on.
func (s *store) from(id foci.ID, v foci.Version) []record.Record {
	recs := slices.Clone(s.log(id).From(v))
	if s.mutant == ReadBeforeSync {
		for _, p := range s.unsynced {
			if p.rec.ID == id && !p.rec.Version.Less(v) {
				recs = append(recs, p.rec)
			}
		}
		slices.SortFunc(recs, func(a, b record.Record) int { return a.Version.Compare(b.Version) })
		recs = slices.CompactFunc(recs, func(a, b record.Record) bool { return a.Version == b.Version })
	}
	return recs
}

func (s *store) withUnsynced(id foci.ID) record.Vote {
	var l object.Log
	for _, r := range s.from(id, foci.Version{}) {
		_, _ = l.Add(r)
	}
	v := l.Vote()
	v.Watermark = s.watermark
	return v
}

// put writes a record; done is called when it is durable, or at once with an
// error. evidence is the node's evidence for the record's time.
func (s *store) put(m *wire.Store, evidence version.Evidence, now int64, done func(dup bool, err error)) {
	admit := *m
	admit.Evidence = evidence
	switch {
	case s.mutant == SeenBelieved && !m.Repair:
		admit.Evidence.Held = max(evidence.Held, m.Seen)
	case s.mutant == RepairUnchecked && m.Repair:
		admit.Evidence.Held = m.Record.Version.Time
	}
	if s.mutant == RepairPastWatermark {
		admit.Watermark = s.watermark
	}
	if err := object.Admit(&admit, s.newest(m.Record.ID), s.watermark, now); err != nil {
		done(false, err)
		return
	}
	rec := m.Record
	if have, ok := s.log(rec.ID).Get(rec.Version); ok {
		done(true, s.same(&have.Entry, &rec.Entry))
		return
	}
	for _, p := range s.unsynced {
		if p.rec.ID == rec.ID && p.rec.Version == rec.Version {
			if err := s.same(&p.rec.Entry, &rec.Entry); err != nil {
				done(false, err)
				return
			}
			p.synced = append(p.synced, done)
			return
		}
	}
	s.unsynced = append(s.unsynced, &pending{rec: rec, synced: []func(bool, error){done}})
}

// newest returns the newest version of an object in the log, synced or not. A crash
// that loses it also loses every record after it.
func (s *store) newest(id foci.ID) foci.Version {
	v := s.log(id).Vote().Newest
	for _, p := range s.unsynced {
		if p.rec.ID == id && v.Less(p.rec.Version) {
			v = p.rec.Version
		}
	}
	return v
}

func (s *store) same(have, got *record.Entry) error {
	if s.mutant == NoContentHash {
		return nil
	}
	return object.SameContent(have, got)
}

// have answers Have.
func (s *store) have(m *wire.Have) wire.HaveState {
	if r, ok := s.log(m.ID).Get(m.Version); ok {
		if r.Hash != m.Hash && s.mutant != NoContentHash {
			return wire.HaveConflict
		}
		return wire.HaveStored
	}
	for _, p := range s.unsynced {
		if p.rec.ID == m.ID && p.rec.Version == m.Version {
			return wire.HaveInProgress
		}
	}
	return wire.HaveNo
}

// sync makes the first n unsynced records durable and visible.
func (s *store) sync(n int) {
	batch := s.unsynced[:n]
	s.unsynced = s.unsynced[n:]
	for _, p := range batch {
		dup, err := s.apply(&p.rec)
		for _, f := range p.synced {
			f(dup, err)
		}
	}
}

func (s *store) apply(r *record.Record) (bool, error) {
	l := s.objects[r.ID]
	if l == nil {
		l = &object.Log{}
		s.objects[r.ID] = l
	}
	return l.Add(*r)
}

// crash loses the unsynced records from number keep on. The kept ones had
// reached the disk by luck; recovery syncs them before it serves.
func (s *store) crash(keep int) {
	for _, p := range s.unsynced[:keep] {
		_, _ = s.apply(&p.rec)
	}
	s.unsynced = nil
}

// drop destroys a lone tombstone and everything older, and raises the watermark.
// It refuses when the object has changed since every group voted for it.
func (s *store) drop(id foci.ID, tomb foci.Version) {
	v := s.log(id).Vote()
	if v.Base != tomb || v.Count != 1 || s.inFlight(id) {
		return
	}
	delete(s.objects, id)
	s.watermark = s.watermark.Raise(tomb)
}

func (s *store) inFlight(id foci.ID) bool {
	return slices.ContainsFunc(s.unsynced, func(p *pending) bool { return p.rec.ID == id })
}

// merge copies the records of another store.
func (s *store) merge(o *store) {
	for _, l := range o.objects {
		for _, r := range l.From(foci.Version{}) {
			_, _ = s.apply(&r)
		}
	}
	s.watermark = s.watermark.Raise(o.watermark.Version)
}
