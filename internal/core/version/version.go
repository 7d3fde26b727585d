// Package version is the clock rule: which version a new transaction takes,
// and which versions a replica accepts. A bad clock harms one key at most,
// because nobody ever merges a version into a clock.
package version

import (
	"slices"

	"github.com/foci-store/foci"
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

// Accept reports whether a replica whose clock says now takes a version with
// this time, sent by somebody who had seen the time seen. It fails with
// ClockAhead, before anything is stored.
func Accept(t, seen, now int64) error {
	switch {
	case t < 0 || t >= foci.MaxTime:
		return foci.Errorf(foci.Invalid, "time %d of the version is out of range", t)
	case t <= seen+1, t <= now+int64(foci.MaxClockAhead):
		return nil
	default:
		return foci.Errorf(foci.ClockAhead, "the version is %d s ahead of this replica's clock, at most %d are accepted: set the clocks",
			(t-now)/1e9, int64(foci.MaxClockAhead.Seconds()))
	}
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
