// Package object is the machine of one object on one replica: how its vote
// changes with each transaction, and what a replica accepts. It does not know
// where the transactions are kept; [Log] keeps them in memory, for the
// simulator and as the model that stores are tested against.
package object

import (
	"iter"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/core/wire"
)

// Admit reports whether a replica may keep the record of a request: whether
// its time is believable and above what has been destroyed in its range. newest
// is the object's newest version in the replica's log, watermark the replica's for
// that range, now its clock. Both are evidence for the record's time, besides
// what the request carries (see [version.Accept]); what its sender claims to
// have seen is not. The caller must hold newest and watermark still until the
// record is in the log.
//
// A repair may be at or below the watermark, for the watermark speaks of a whole range
// and this object may only have been missed. But then the watermark must be the
// one that the sender saw: if anything was destroyed since, the record may be
// of an object that was.
//
// Chunks are ordered by nothing and never removed by a tombstone, so the watermark
// is not for them. Their times are checked like all others.
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

// Apply is the vote after e, which was not there before. newer yields the
// entries of the object that are newer than e, in any order; it is asked only
// when e becomes the base under appends that are newer than it.
//
// It fails with TooLarge when an append is one too many for a replica to hold.
// Writers stop long before: see [record.MaxCount].
func Apply(v record.Vote, e *record.Entry, newer iter.Seq[record.Entry]) (record.Vote, error) {
	switch {
	case e.Version.Less(v.Base):
		// History: of an object's past, never of its content.
	case e.Op.IsBase():
		v = rebase(v, e, newer)
	case v.Count-baseCount(&v) >= record.MaxCount-1: // a base may come later, and must fit
		return v, foci.Errorf(foci.TooLarge, "object has %d transactions from its base up: replace it by a put", v.Count)
	default:
		v = extend(v, e)
	}
	if v.Newest.Less(e.Version) {
		v.Newest = e.Version
	}
	return v, nil
}

// baseCount is 1 when one of the counted transactions is a base.
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
