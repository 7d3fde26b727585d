package link

import (
	"slices"
	"strconv"
	"time"

	"github.com/foci-store/foci"
)

// Pulse is the state of one channel at a beat.
type Pulse struct {
	Conn  Conn
	Heard int64 // bytes received since it was opened
	Asked bool  // a ping on it is unanswered
}

// Beat observes all channels, at equal intervals. If a pinged peer sends no byte on
// any channel, all channels are closed and the peer is suspect. A single silent
// channel is closed alone. If a ping channel is silent, the channels of its table
// that received nothing for as long are closed too.
func (m *Machine) Beat(out []Effect, now time.Duration, pulses []Pulse) []Effect {
	if m.removed {
		return out
	}
	alive, asked := false, false
	for _, p := range pulses {
		_, s := m.find(p.Conn)
		if s == nil {
			continue
		}
		if p.Heard != s.heard {
			s.heard, s.quiet, s.still = p.Heard, 0, 0
			alive = true
			continue
		}
		s.still++
		if s.quiet++; !p.Asked {
			s.quiet = 0
		}
		asked = asked || p.Asked
	}
	m.still++
	if asked || m.quiet > 0 { // a ping lost with its channel stays unanswered
		m.quiet++
	}
	if alive {
		m.still, m.quiet = 0, 0
	}
	if m.silent(m.still, m.quiet) {
		m.lastErr = foci.Errorf(foci.Unreachable, "no answer to the last pings, on any channel")
		if out = m.closeAll(out, m.lastErr); m.state == Up { // else all channels were draining
			out = m.suspect(out, now)
		}
	} else {
		out = m.closeSilent(out, now)
	}
	for c := range m.waiting {
		if len(m.waiting[c]) > 0 && m.usable(foci.Class(c)) {
			out = m.flush(out, foci.Class(c)) // requests of Again, for which no channel had room
		}
	}
	return m.Tick(out, now)
}

// silent reports whether a channel or peer is silent: no byte for still beats, of
// which the last quiet ones with a ping unanswered. The first ping may be sent as
// late as a third of the limit after the last byte.
func (m *Machine) silent(still, quiet int) bool {
	return still >= m.t.Quiet && quiet >= m.t.Quiet-m.t.Quiet/3
}

// closeSilent closes silent channels of a peer that is not silent.
func (m *Machine) closeSilent(out []Effect, now time.Duration) []Effect {
	var dead []foci.Table
	m.each(func(where Slot, s *slot) {
		if where.Class == foci.Ping && s.conn != 0 && m.silent(s.still, s.quiet) {
			dead = append(dead, s.addr.Table)
		}
	})
	m.each(func(where Slot, s *slot) {
		if s.conn == 0 || !m.silent(s.still, s.quiet) && (s.still < m.t.Quiet || !slices.Contains(dead, s.addr.Table)) {
			return
		}
		why := foci.Errorf(foci.Unreachable, "no answer to the last pings, while other channels of the link live")
		out = append(out, Effect{Do: Close, Conn: s.conn, Slot: where, Err: why})
		out = m.drop(out, now, where, s, why)
	})
	return out
}

// suspect makes the peer suspect; each of its tables is dialled then. Waiting requests
// that were moved from a lost channel fail, so that they can take another path at
// once; the others wait for the outcome.
func (m *Machine) suspect(out []Effect, now time.Duration) []Effect {
	m.until = now + m.t.Suspect
	for i := range m.slots[foci.Ping] {
		m.slots[foci.Ping][i].tried = false
	}
	out = m.failMoved(out, now)
	m.release()
	return m.become(out, Suspect, m.lastErr)
}

// down makes the peer down: it is unreachable. Waiting requests fail.
func (m *Machine) down(out []Effect, now time.Duration) []Effect {
	out = m.failAll(out, m.unreachable(now))
	m.release()
	return m.become(out, Down, m.lastErr)
}

// release makes slots unwanted unless requests wait for them: they are dialled again
// on use. Linked channels stay wanted, as they are dialled together.
func (m *Machine) release() {
	if m.cfg.Linked {
		return
	}
	m.each(func(where Slot, s *slot) {
		s.wanted = where.Index == 0 && len(m.waiting[where.Class]) > 0
	})
}

// become changes the state, and reports the change with an effect.
func (m *Machine) become(out []Effect, s State, why error) []Effect {
	if m.state == s {
		return out
	}
	m.state = s
	return append(out, Effect{Do: Tell, State: s, Err: why})
}

// failMoved fails the waiting requests whose channel was lost.
func (m *Machine) failMoved(out []Effect, now time.Duration) []Effect {
	for c := range m.waiting {
		kept := m.waiting[c][:0]
		for _, r := range m.waiting[c] {
			if r.Moves == 0 {
				kept = append(kept, r)
				continue
			}
			out = append(out, Effect{Do: Fail, Request: r, Err: m.unreachable(now)})
		}
		m.waits -= len(m.waiting[c]) - len(kept)
		clear(m.waiting[c][len(kept):])
		m.waiting[c] = kept
	}
	return out
}

func itoa(n int) string { return strconv.Itoa(n) }
