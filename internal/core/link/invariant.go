package link

import "github.com/foci-store/foci/internal/core/invariant"

// check checks the invariants after each event. The state of a removed link is the
// last one before.
func (m *Machine) check() {
	if !invariant.On || m.removed {
		return
	}
	open, waits := 0, 0
	m.each(func(where Slot, s *slot) {
		if s.conn != 0 && !s.draining {
			open++
			invariant.Check(s.incarnation == m.incarnation, "channel %v is to incarnation %d, others to %d", where, s.incarnation, m.incarnation)
		}
	})
	for c := range m.waiting {
		waits += len(m.waiting[c])
	}
	invariant.Check(open == m.open, "%d channels are open, %d are counted", open, m.open)
	invariant.Check(waits == m.waits, "%d requests wait, %d are counted", waits, m.waits)
	invariant.Check((m.state == Up) == (open > 0), "the peer is %v with %d channels", m.state, open)
	invariant.Check(m.state != Down || waits == 0, "%d requests wait for a peer that is down", waits)
}
