package link

import (
	"time"

	"github.com/foci-store/foci"
)

// Backoff is how long to wait after so many failures in a row: the first time
// not at all, then a random time (r is in 0..1) between low and a ceiling that
// doubles up to high.
func Backoff(failures int, low, high time.Duration, r float64) time.Duration {
	if failures <= 0 {
		return 0
	}
	ceiling := min(high, low<<min(failures, 20))
	return low + time.Duration(r*float64(ceiling-min(low, ceiling)))
}

// Member says that the link is to be kept up whether it is used or not.
func (m *Machine) Member(out []Effect, now time.Duration) []Effect {
	m.member = true
	return m.dial(out, now)
}

// Inbound says that the peer opened a channel to us (+1), or that one was lost
// (-1). A peer that says hello lives: the next dial is at once.
func (m *Machine) Inbound(out []Effect, now time.Duration, change int) []Effect {
	m.inbound = max(0, m.inbound+change)
	if change > 0 {
		return m.Revive(out, now)
	}
	return out
}

// superseded is the age of a dial that another is begun beside when the peer
// shows itself.
const superseded = 200 * time.Millisecond

// Revive lets the next dial begin now: somebody has seen the peer. One that
// began before may still fail, and then counts as the first.
func (m *Machine) Revive(out []Effect, now time.Duration) []Effect {
	m.retryAt = min(m.retryAt, now)
	m.failures = min(m.failures, 1)
	for i := range m.slots[foci.Ping] {
		if s := &m.slots[foci.Ping][i]; s.dialing != 0 && now-s.dialledAt > superseded {
			s.dialing = 0 // it may hang for long; should it end well after all, it is taken
		}
	}
	return m.dial(out, now)
}

// candidate reports whether a slot is to be dialled as things stand. While the
// link is not up those for pings find out, on each table, whether the peer is
// there; beside them, before any failure, only what somebody waits for.
func (m *Machine) candidate(where Slot, s *slot) bool {
	if !s.vacant() || !m.wants(where, s) || m.cfg.Mutants.NoRedial && m.state == Down {
		return false
	}
	if m.open > 0 || where.Class == foci.Ping {
		return true
	}
	return m.failures == 0 && len(m.waiting[where.Class]) > 0
}

// toDial reports whether any slot is to be dialled, now or later.
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

// dial starts what is to be dialled and may be.
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

// Undialled says that a dial ended without a channel.
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

// allTried reports whether the peer was dialled in vain on each table.
func (m *Machine) allTried() bool {
	for i := range min(m.pings(), len(m.slots[foci.Ping])) {
		if !m.slots[foci.Ping][i].tried {
			return false
		}
	}
	return true
}

// failed counts a failure and sets the time of the next attempt. Channels that
// fail together count once: all of them at a restart of the peer would else
// keep it away for as long as many attempts in vain.
func (m *Machine) failed(now time.Duration, err error) {
	m.lastErr = err
	if m.failures > 0 && m.retryAt > now {
		return
	}
	m.failures++
	m.retryAt = now + Backoff(m.failures, m.t.BackoffMin, m.t.BackoffMax, m.cfg.Rand())
}
