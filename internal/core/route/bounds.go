package route

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
)

// MaxAhead is how far an incarnation, in milliseconds since 1970, may be ahead of
// the clock of the process that receives it: enough for a clock that is wrong by a
// time zone, and little enough that the damage of a forged incarnation ends within
// a day.
const MaxAhead = 24 * time.Hour

// MaxCounter is the highest counter of an entry. A node that changes its entry a
// thousand times a second reaches it after 34 years; each start counts from 1.
const MaxCounter = 1 << 40

// Latest is the highest incarnation that a process accepts at now, in nanoseconds
// since 1970.
func Latest(now int64) foci.Incarnation {
	return foci.Incarnation(max(now, 0)/int64(time.Millisecond)) + foci.Incarnation(MaxAhead/time.Millisecond)
}

// Believable reports whether an incarnation is in bounds. Every incarnation that a
// peer tells is checked: in entries of the route table, hello, welcome and beacons.
// So a forged incarnation cannot take a node's id away for good.
func Believable(inc foci.Incarnation, now int64) bool { return inc <= Latest(now) }

// inBounds reports whether a node may have an entry of a version.
func inBounds(v wire.RouteVersion, now int64) bool {
	return (Believable(v.Incarnation, now) || mutant.On(mutant.AnyRouteIncarnation)) &&
		(v.Counter <= MaxCounter || mutant.On(mutant.AnyRouteCounter))
}

// MaxStarts is how many earlier incarnations a node remembers.
const MaxStarts = 8

// NextIncarnation is the incarnation of a node's next start: above all remembered
// ones that are in bounds, and not below the clock. reset reports that the last one
// is out of bounds and was ignored: the clock was far ahead at that start, or is
// far behind now.
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

// AddStart adds an incarnation to the remembered ones, the newest last. One that is
// the last plus one replaces it, so that many starts under a wrong clock do not
// displace those under a right one.
func AddStart(past []foci.Incarnation, inc foci.Incarnation) []foci.Incarnation {
	out := slices.Clone(past)
	if n := len(out); n > 0 && inc == out[n-1]+1 {
		out = out[:n-1]
	}
	out = append(out, inc)
	return out[max(0, len(out)-MaxStarts):]
}
