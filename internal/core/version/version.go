// Package version is the clock rule: which version a new transaction takes,
// and which versions a replica accepts. A bad clock harms one key at most,
// because nobody ever merges a version into a clock.
package version

import (
	"slices"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
)

// Next is the version of a new transaction that must be newer than seen, the
// newest version that a quorum knows of the object. Its time is what the
// caller's clock says, but never above the median of the replicas' clocks, so
// that one fast clock does not push a key into the future. The nonce is drawn
// afresh for every transaction and must not be 0.
//
// It fails with TooLarge when there is no time left above seen.
func Next(seen foci.Version, own int64, clocks []int64, nonce uint64) (foci.Version, error) {
	t := max(seen.Time+1, min(own, median(clocks, own)))
	if t >= foci.MaxTime {
		return foci.Version{}, foci.Errorf(foci.TooLarge, "no version after %v: its time is the last there is", seen)
	}
	return foci.Version{Time: max(t, 1), Nonce: nonce}, nil
}

// Evidence is what a replica knows of a version's time beyond its own clock.
type Evidence struct {
	// Held is the newest time that an owner of the object is known to hold
	// durably: of a version of the object, or of the watermark of its range.
	Held int64
	// Unproved says that the sender proved no identity and is no member.
	Unproved bool
}

// Accept reports whether a replica whose clock says now takes a version of
// time t. A time beyond now + [foci.MaxClockAhead] needs evidence: a write takes
// the newest time that it saw plus one, and a repair carries a record that an
// owner holds, so for both of them there is an owner that holds t-1 or more. It
// fails with ClockAhead, before anything is stored.
func Accept(t int64, e Evidence, now int64) error {
	switch {
	case t < 0 || t >= foci.MaxTime:
		return foci.Errorf(foci.Invalid, "time %d of the version is out of range", t)
	case t <= now+int64(foci.MaxClockAhead):
		return nil
	case Unprovable(t, e, now):
		return foci.Errorf(foci.ClockAhead, "the version is %d s ahead of this replica's clock, and the client has no credential: at most %d s are accepted of it: set the clocks, or give it a credential",
			(t-now)/1e9, int64(foci.MaxUnprovedAhead.Seconds()))
	case Explains(e.Held, t):
		return nil
	default:
		return foci.Errorf(foci.ClockAhead, "the version is %d s ahead of this replica's clock, %d s are accepted without an owner that holds one as high: set the clocks",
			(t-now)/1e9, int64(foci.MaxClockAhead.Seconds()))
	}
}

// Explains reports whether an owner that holds the time held is evidence for a
// version of time t.
func Explains(held, t int64) bool { return held >= t-1 }

// Unprovable reports whether no evidence can make a replica accept t.
func Unprovable(t int64, e Evidence, now int64) bool {
	return e.Unproved && t > now+int64(foci.MaxUnprovedAhead) && !mutant.On(mutant.UnprovedUnbounded)
}

// median is the upper median, or own when there are none. The list is short.
func median(clocks []int64, own int64) int64 {
	if len(clocks) == 0 {
		return own
	}
	var few [foci.MaxGroups]int64
	sorted := append(few[:0], clocks...)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}
