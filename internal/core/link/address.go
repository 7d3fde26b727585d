package link

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
)

// SetAddrs gives the peer's addresses, in the order in which to try them: see
// [path.Addresses.Set].
func (m *Machine) SetAddrs(out []Effect, now time.Duration, addrs []route.Address) []Effect {
	if m.addrs.Set(addrs, m.open > 0) {
		m.retryAt = min(m.retryAt, now) // what failed was another address
	}
	m.addPings()
	m.each(func(_ Slot, s *slot) {
		if s.dialing != 0 && !m.addrs.Has(s.addr) {
			s.dialing = 0 // it may hang for long at an address that is the peer's no more
		}
	})
	return m.dial(out, now)
}

// Addrs are the peer's addresses.
func (m *Machine) Addrs() []route.Address { return m.addrs.List() }

// addPings makes slots for the pings of each table.
func (m *Machine) addPings() {
	for len(m.slots[foci.Ping]) < m.pings() {
		m.slots[foci.Ping] = append(m.slots[foci.Ping], slot{})
	}
}

// choose is the address to dial for a slot. A channel for pings has its table.
func (m *Machine) choose(where Slot, now time.Duration) (route.Address, bool) {
	among := m.addrs.Tables()
	if where.Class == foci.Ping {
		i := where.Index / m.cfg.Channels[foci.Ping]
		among = among[i : i+1]
	}
	return m.addrs.Choose(where.Class, among, now)
}
