// Package object is the state machine of one object on one replica: how its vote
// changes with each transaction, and which records a replica accepts. It does not
// store transactions; [Log] keeps them in memory, for the simulator and as the model
// that stores are tested against.
package object

import (
	"iter"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/core/wire"
)

// Admit fails unless a replica may store the record of a request: its time must be
// plausible, and above the GC watermark of its range. newest is the object's newest
// version in the replica's log, watermark the replica's for that range, now its clock.
// newest and watermark are evidence for the record's time, besides the evidence in the
// request (see [version.Accept]); the Seen of the sender is not. The caller must not
// let newest and watermark change until the record is in the log.
//
// A repair may be at or below the watermark: the watermark is that of a whole range,
// and the replica may have missed this object. But then the sender must have seen the
// same watermark: if objects were destroyed since, this may be one of them.
//
// Chunks have no order and no tombstones, so the watermark does not apply to them.
// Their times are checked like all others.
func Admit(s *wire.Store, newest foci.Version, watermark record.Watermark, now int64) error {
	v := s.Record.Version
	chunk := s.Record.Op == record.OpChunk
	if !chunk && !watermark.Version.Less(v) && (!s.Repair || s.Watermark != watermark) {
		return foci.Errorf(foci.BelowWatermark, "version %v is not newer than %v, up to which removed objects of its range were destroyed", v, watermark.Version)
	}
	e := s.Evidence
	e.Held = max(e.Held, newest.Time, watermark.Version.Time)
	switch {
	case mutant.On(mutant.SeenBelieved):
		e.Held = max(e.Held, s.Seen)
	case s.Repair && mutant.On(mutant.RepairUnchecked), chunk && mutant.On(mutant.ChunkTimeUnchecked):
		return nil
	}
	return version.Accept(v.Time, e, now)
}

// Apply returns the vote after e, which must be new. newer yields the entries of the
// object that are newer than e, in any order; Apply uses it only when e becomes the
// base below newer appends.
//
// It fails with TooLarge when an append exceeds the number that a replica holds.
// Writers stop long before: see [record.MaxCount].
func Apply(v record.Vote, e *record.Entry, newer iter.Seq[record.Entry]) (record.Vote, error) {
	switch {
	case e.Version.Less(v.Base):
		// Older than the base: history, not content.
	case e.Op.IsBase():
		v = rebase(v, e, newer)
	case v.Count-baseCount(&v) >= record.MaxCount-1: // a base may arrive later, and must fit
		return v, foci.Errorf(foci.TooLarge, "object has %d transactions from its base up: replace it by a put", v.Count)
	default:
		v = extend(v, e)
	}
	if v.Newest.Less(e.Version) {
		v.Newest = e.Version
	}
	return v, nil
}

// baseCount is 1 if one of the counted transactions is a base.
func baseCount(v *record.Vote) uint32 {
	if v.BaseOp != 0 {
		return 1
	}
	return 0
}

func extend(v record.Vote, e *record.Entry) record.Vote {
	v.Count++
	v.Sum = v.Sum.Add(e.Sum())
	v.Size += e.Size
	return v
}

func rebase(v record.Vote, e *record.Entry, newer iter.Seq[record.Entry]) record.Vote {
	n := record.Vote{Base: e.Version, BaseOp: e.Op, Newest: v.Newest, Watermark: v.Watermark}
	n = extend(n, e)
	if v.Newest.Less(e.Version) {
		return n
	}
	for a := range newer {
		n = extend(n, &a)
	}
	return n
}
