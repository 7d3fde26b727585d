package link

import (
	"slices"
	"strconv"
	"time"

	"github.com/foci-store/foci"
)

// Pulse is what is seen of one channel at a beat.
type Pulse struct {
	Conn  Conn
	Heard int64 // bytes received since it was opened
	Asked bool  // a ping is unanswered
}

// Beat is told of all channels at equal times. A peer from which nothing comes
// on any of them, though it was pinged, is silent: all are closed, and it is
// suspected. One channel alone on which nothing comes is closed alone, and with
// a channel for pings those of its table on which nothing came meanwhile.
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
	if asked || m.quiet > 0 { // a ping that was lost with its channel was not answered either
		m.quiet++
	}
	if alive {
		m.still, m.quiet = 0, 0
	}
	if m.silent(m.still, m.quiet) {
		m.lastErr = foci.Errorf(foci.Unreachable, "no answer to the last pings, on any channel")
		if out = m.closeAll(out, m.lastErr); m.state == Up { // else only draining ones were left
			out = m.suspect(out, now)
		}
	} else {
		out = m.hush(out, now)
	}
	for c := range m.waiting {
		if len(m.waiting[c]) > 0 && m.usable(foci.Class(c)) {
			out = m.flush(out, foci.Class(c)) // they were moved, and there was no room
		}
	}
	return m.Tick(out, now)
}

// silent reports whether so many beats without a byte, and so many of the last
// ones with a ping unanswered, are too many. The first ping may come as late as
// a third of the time after the last byte.
func (m *Machine) silent(still, quiet int) bool {
	return still >= m.t.Quiet && quiet >= m.t.Quiet-m.t.Quiet/3
}

// hush closes the channels that are silent while others are not.
func (m *Machine) hush(out []Effect, now time.Duration) []Effect {
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
		out = m.gone(out, now, where, s, why)
	})
	return out
}

// suspect begins to doubt a peer that was up: it is dialled back on each table.
// What was sent already and waits for another channel fails, so that it can
// take another way at once; what was not waits for the outcome.
func (m *Machine) suspect(out []Effect, now time.Duration) []Effect {
	m.until = now + m.t.Suspect
	for i := range m.slots[foci.Ping] {
		m.slots[foci.Ping][i].tried = false
	}
	out = m.failMoved(out, now)
	m.unwant()
	return m.become(out, Suspect, m.lastErr)
}

// down gives a peer up, for now.
func (m *Machine) down(out []Effect, now time.Duration) []Effect {
	out = m.failAll(out, m.away(now))
	m.unwant()
	return m.become(out, Down, m.lastErr)
}

// unwant forgets the channels that were opened on use, unless somebody waits
// for them: they come back when they are used again. Linked ones come back
// together.
func (m *Machine) unwant() {
	if m.cfg.Linked {
		return
	}
	m.each(func(where Slot, s *slot) {
		s.wanted = where.Index == 0 && len(m.waiting[where.Class]) > 0
	})
}

// become tells a change of state.
func (m *Machine) become(out []Effect, s State, why error) []Effect {
	if m.state == s {
		return out
	}
	m.state = s
	return append(out, Effect{Do: Tell, State: s, Err: why})
}

// failMoved fails those that wait and were on a channel before.
func (m *Machine) failMoved(out []Effect, now time.Duration) []Effect {
	for c := range m.waiting {
		kept := m.waiting[c][:0]
		for _, r := range m.waiting[c] {
			if r.Moves == 0 {
				kept = append(kept, r)
				continue
			}
			out = append(out, Effect{Do: Fail, Request: r, Err: m.away(now)})
		}
		m.waits -= len(m.waiting[c]) - len(kept)
		clear(m.waiting[c][len(kept):])
		m.waiting[c] = kept
	}
	return out
}

func itoa(n int) string { return strconv.Itoa(n) }
