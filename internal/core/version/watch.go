package version

import (
	"fmt"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
)

// Offset is a measurement of another node's clock: it is By ahead of this one's
// (behind, when By is negative), give or take Bound.
type Offset struct{ By, Bound time.Duration }

// ahead is 1 when the other clock is certainly over [foci.MaxClockAhead] ahead,
// -1 when it is as much behind, else 0.
func (o Offset) ahead() int {
	switch {
	case o.By > 0 && o.By-o.Bound > foci.MaxClockAhead:
		return 1
	case o.By < 0 && o.By+o.Bound < -foci.MaxClockAhead:
		return -1
	}
	return 0
}

// Astray says that this node's clock is wrong: it differs from most others in
// one direction.
type Astray struct {
	Off    time.Duration // this node's clock minus the median of those that differ
	Differ int           // nodes whose clocks differ so
	Of     int           // storing nodes of the layout, this one counted
}

// Watch judges this node's clock by those of the other storing nodes of the
// layout, of which there are of, this one counted. It is astray when over half
// of these differ from it by over [foci.MaxClockAhead] in one direction. A node
// whose clock is not known does not count as one that differs, so a node that
// is cut off goes on to vote, and of two nodes neither can tell whose clock is
// wrong.
func Watch(others []Offset, of int) (Astray, bool) {
	for _, direction := range []int{1, -1} {
		var by []time.Duration
		for _, o := range others {
			if o.ahead() == direction {
				by = append(by, o.By)
			}
		}
		if 2*len(by) > of && !mutant.On(mutant.WrongClockVotes) {
			slices.Sort(by)
			return Astray{Off: -by[len(by)/2], Differ: len(by), Of: of}, true
		}
	}
	return Astray{}, false
}

// Err is what a node that is astray answers in place of a vote.
func (a Astray) Err() *foci.Error {
	where := "ahead of"
	off := a.Off.Round(time.Second)
	if off < 0 {
		where, off = "behind", -off
	}
	return &foci.Error{
		Kind: foci.NotReady,
		Msg:  fmt.Sprintf("this node's clock is %v %s those of %d of %d storing nodes, so it does not vote", off, where, a.Differ, a.Of),
		Fix:  "set its clock; it votes again by itself",
	}
}
