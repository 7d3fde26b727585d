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

// Beat observes all channels, at equal intervals. A pinged peer from which no byte
// comes on any channel is silent: all channels are closed and the peer is suspect.
// A single silent channel is closed alone; a silent ping channel takes those of its
// table with it that were still as long.
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
	if asked || m.quiet > 0 { // a ping that was lost with its channel stays unanswered
		m.quiet++
	}
	if alive {
		m.still, m.quiet = 0, 0
	}
	if m.silent(m.still, m.quiet) {
		m.lastErr = foci.Errorf(foci.Unreachable, "no answer to the last pings, on any channel")
		if out = m.closeAll(out, m.lastErr); m.state == Up { // else only draining channels were left
			out = m.suspect(out, now)
		}
	} else {
		out = m.closeSilent(out, now)
	}
	for c := range m.waiting {
		if len(m.waiting[c]) > 0 && m.usable(foci.Class(c)) {
			out = m.flush(out, foci.Class(c)) // moved requests for which there was no room
		}
	}
	return m.Tick(out, now)
}

// silent reports whether still beats without a byte, the last quiet of them with a
// ping unanswered, are too many. The first ping may be sent as late as a third of
// the time after the last byte.
func (m *Machine) silent(still, quiet int) bool {
	return still >= m.t.Quiet && quiet >= m.t.Quiet-m.t.Quiet/3
}

// closeSilent closes the channels that are silent while others are not.
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

// suspect begins to dial a peer that was up on each table. Requests that were sent
// before and wait for another channel fail, so that they can take another path at
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

// down observes that the peer cannot be reached. Requests that wait fail.
func (m *Machine) down(out []Effect, now time.Duration) []Effect {
	out = m.failAll(out, m.unreachable(now))
	m.release()
	return m.become(out, Down, m.lastErr)
}

// release lets go of the channels that were opened on use, unless requests wait
// for them: they are dialled again when they are used. Linked ones are dialled
// again together.
func (m *Machine) release() {
	if m.cfg.Linked {
		return
	}
	m.each(func(where Slot, s *slot) {
		s.wanted = where.Index == 0 && len(m.waiting[where.Class]) > 0
	})
}

// become changes the state and tells it.
func (m *Machine) become(out []Effect, s State, why error) []Effect {
	if m.state == s {
		return out
	}
	m.state = s
	return append(out, Effect{Do: Tell, State: s, Err: why})
}

// failMoved fails the waiting requests that were on a channel before.
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
