package route

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
)

// MaxAhead is how far an incarnation, which is in milliseconds since 1970, may be
// ahead of the clock of the process that receives it. It is wide enough for any
// clock that is wrong by a time zone, and short enough that damage by a forged
// incarnation ends within a day.
const MaxAhead = 24 * time.Hour

// MaxCounter is the highest counter of an entry. A node that changes its entry a
// thousand times a second reaches it after 34 years; each start begins at 1 again.
const MaxCounter = 1 << 40

// Latest is the highest incarnation that a process accepts whose clock shows now,
// in nanoseconds since 1970.
func Latest(now int64) foci.Incarnation {
	return foci.Incarnation(max(now, 0)/int64(time.Millisecond)) + foci.Incarnation(MaxAhead/time.Millisecond)
}

// Believable reports whether an incarnation is in bounds. All that a peer says
// of incarnations is held to it: entries of the route table, hello, welcome and
// beacons. So no forged incarnation takes a node's id away for good.
func Believable(inc foci.Incarnation, now int64) bool { return inc <= Latest(now) }

// inBounds reports whether the version of an entry is one that a node may have.
func inBounds(v wire.RouteVersion, now int64) bool {
	return (Believable(v.Incarnation, now) || mutant.On(mutant.AnyRouteIncarnation)) &&
		(v.Counter <= MaxCounter || mutant.On(mutant.AnyRouteCounter))
}

// MaxStarts is how many earlier incarnations a node remembers.
const MaxStarts = 8

// NextIncarnation is the incarnation of a node's next start: above all that the
// node remembers and that are in bounds, and not below its clock. reset reports
// whether the last one was out of bounds and so does not count: the clock was far
// ahead when that start was made, or is far behind now.
func NextIncarnation(past []foci.Incarnation, now int64) (next foci.Incarnation, reset bool) {
	next = foci.Incarnation(max(now, 0) / int64(time.Millisecond))
	for _, p := range past {
		reset = p >= Latest(now) && !mutant.On(mutant.AnyStoredIncarnation)
		if !reset {
			next = max(next, p+1)
		}
	}
	return next, reset
}

// AddStart adds an incarnation to those that a node remembers, the newest last.
// One that only counts up from the last replaces it, so that many starts under a
// wrong clock do not push out those under a right one.
func AddStart(past []foci.Incarnation, inc foci.Incarnation) []foci.Incarnation {
	out := slices.Clone(past)
	if n := len(out); n > 0 && inc == out[n-1]+1 {
		out = out[:n-1]
	}
	out = append(out, inc)
	return out[max(0, len(out)-MaxStarts):]
}
