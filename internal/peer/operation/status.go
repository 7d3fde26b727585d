package operation

import (
	"slices"

	"github.com/foci-store/foci/internal/status"
)

// maxShown bounds the pending legs in a status.
const maxShown = 1000

// Status describes this process's pending legs, the oldest first.
func (r *Runner) Status() status.Txns {
	r.mu.Lock()
	s := status.Txns{Counters: r.machine.Counters(), Bytes: r.machine.Bytes()}
	for leg, trace := range r.machine.Pending(r.cfg.Now()) {
		s.Pending = append(s.Pending, status.PendingLeg{Status: leg, Trace: trace})
	}
	r.mu.Unlock()
	slices.SortFunc(s.Pending, func(a, b status.PendingLeg) int { return int(b.Age - a.Age) })
	if s.More = len(s.Pending) - maxShown; s.More > 0 {
		s.Pending = s.Pending[:maxShown]
	}
	s.More = max(s.More, 0)
	return s
}
