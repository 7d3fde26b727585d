package link

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
)

// Backoff is the pause after a number of consecutive failures: none for 0, else a
// random time (r is in 0..1) between low and a ceiling that doubles up to high.
func Backoff(failures int, low, high time.Duration, r float64) time.Duration {
	if failures <= 0 {
		return 0
	}
	ceiling := min(high, low<<min(failures, 20))
	return low + time.Duration(r*float64(ceiling-min(low, ceiling)))
}

// SetAddrs replaces the peer's addresses, in the order in which to dial them: see
// [path.Addresses.Set].
func (m *Machine) SetAddrs(out []Effect, now time.Duration, addrs []route.Address) []Effect {
	if m.addrs.Set(addrs, m.open > 0) {
		m.retryAt = min(m.retryAt, now) // the failures were of other addresses
	}
	m.addPings()
	m.each(func(_ Slot, s *slot) {
		if s.dialing != 0 && !m.addrs.Has(s.addr) {
			s.dialing = 0 // a dial of an address that the peer no longer has may hang
		}
	})
	return m.dial(out, now)
}

// Addrs are the peer's addresses.
func (m *Machine) Addrs() []route.Address { return m.addrs.List() }

// addPings adds the ping slots of new tables.
func (m *Machine) addPings() {
	for len(m.slots[foci.Ping]) < m.pings() {
		m.slots[foci.Ping] = append(m.slots[foci.Ping], slot{})
	}
}

// Member keeps the link up from now on, even without requests.
func (m *Machine) Member(out []Effect, now time.Duration) []Effect {
	m.member = true
	return m.dial(out, now)
}

// Inbound observes that the peer opened a channel to this process (+1), or that
// one was lost (-1). A peer that dials is alive: the next dial is at once.
func (m *Machine) Inbound(out []Effect, now time.Duration, change int) []Effect {
	m.inbound = max(0, m.inbound+change)
	if change > 0 {
		return m.Revive(out, now)
	}
	return out
}

// superseded is the age from which Revive does not wait for a dial under way.
const superseded = 200 * time.Millisecond

// Revive observes that the peer is alive: the next dial is at once. A dial under way
// may still fail, and counts as the first failure then.
func (m *Machine) Revive(out []Effect, now time.Duration) []Effect {
	m.retryAt = min(m.retryAt, now)
	m.failures = min(m.failures, 1)
	for i := range m.slots[foci.Ping] {
		if s := &m.slots[foci.Ping][i]; s.dialing != 0 && now-s.dialledAt > superseded {
			s.dialing = 0 // it may hang; if it succeeds, its channel is used
		}
	}
	return m.dial(out, now)
}

// candidate reports whether a slot should be dialled. While the link is not up
// the ping slots probe the peer on each table; others are dialled only before the
// first failure, when requests wait for them.
func (m *Machine) candidate(where Slot, s *slot) bool {
	if !s.vacant() || !m.wants(where, s) || m.cfg.Mutants.NoRedial && m.state == Down {
		return false
	}
	if m.open > 0 || where.Class == foci.Ping {
		return true
	}
	return m.failures == 0 && len(m.waiting[where.Class]) > 0
}

// toDial reports whether any slot should be dialled, now or later.
func (m *Machine) toDial() bool {
	if m.removed || m.addrs.Len() == 0 {
		return false
	}
	for c := range m.slots {
		for i := range m.slots[c] {
			if m.candidate(Slot{foci.Class(c), i}, &m.slots[c][i]) {
				return true
			}
		}
	}
	return false
}

// dial dials the slots that need a channel, unless the backoff forbids it.
func (m *Machine) dial(out []Effect, now time.Duration) []Effect {
	m.check()
	if m.removed || m.addrs.Len() == 0 || m.retryAt > now {
		return out
	}
	m.each(func(where Slot, s *slot) {
		if !m.candidate(where, s) {
			return
		}
		addr, ok := m.choose(where, now)
		if !ok {
			return
		}
		m.attempts++
		s.dialing, s.dialledAt, s.addr = m.attempts, now, addr
		out = append(out, Effect{Do: Dial, Slot: where, Attempt: m.attempts, Addr: addr})
	})
	return out
}

// choose picks the address to dial for a slot. A ping slot belongs to one table.
func (m *Machine) choose(where Slot, now time.Duration) (route.Address, bool) {
	among := m.addrs.Tables()
	if where.Class == foci.Ping {
		i := where.Index / m.cfg.Channels[foci.Ping]
		among = among[i : i+1]
	}
	return m.addrs.Choose(where.Class, among, now)
}

// Undialled observes that a dial failed.
func (m *Machine) Undialled(out []Effect, now time.Duration, where Slot, attempt uint64, err error) []Effect {
	s := m.at(where)
	if s == nil || s.dialing != attempt || m.removed {
		return out
	}
	s.dialing, s.tried = 0, true
	m.addrs.Failed(s.addr, now)
	m.failed(now, err)
	if m.cfg.Mutants.LoseWaiting && m.open > 0 {
		m.waits -= len(m.waiting[where.Class])
		m.waiting[where.Class] = nil
	}
	if m.open == 0 && m.state != Down && m.allTried() {
		out = m.down(out, now)
	}
	return m.dial(m.expire(out, now), now)
}

// allTried reports whether a dial failed on each table.
func (m *Machine) allTried() bool {
	for i := range min(m.pings(), len(m.slots[foci.Ping])) {
		if !m.slots[foci.Ping][i].tried {
			return false
		}
	}
	return true
}

// failed counts a failure and sets the time of the next dial. Channels that fail
// together count once: else a restart of the peer, which closes all of them, would
// cause the backoff of many failures.
func (m *Machine) failed(now time.Duration, err error) {
	m.lastErr = err
	if m.failures > 0 && m.retryAt > now {
		return
	}
	m.failures++
	m.retryAt = now + Backoff(m.failures, m.t.BackoffMin, m.t.BackoffMax, m.cfg.Rand())
}
