package route

import (
	"time"

	"github.com/foci-store/foci"
)

// MaxAbsence is after how long out of reach a node that is not in the layout is
// dialled no more. It returns with a newer entry, by a beacon, or by dialling us.
const MaxAbsence = 10 * time.Minute

// Absences records since when nodes have been out of reach. The zero value is
// ready; it is not safe for concurrent use.
type Absences struct {
	since map[foci.NodeID]time.Duration
}

// Observe records whether a node is out of reach now. It reports true once, when
// that has lasted for [MaxAbsence].
func (a *Absences) Observe(id foci.NodeID, absent bool, now time.Duration) (expired bool) {
	if !absent {
		delete(a.since, id)
		return false
	}
	first, known := a.since[id]
	if !known {
		if a.since == nil {
			a.since = make(map[foci.NodeID]time.Duration)
		}
		a.since[id] = now
		return false
	}
	if now-first < MaxAbsence {
		return false
	}
	delete(a.since, id)
	return true
}

// Forget starts a node's absence anew, as when there is a newer entry of it.
func (a *Absences) Forget(id foci.NodeID) { delete(a.since, id) }
