package link

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
)

// The errors of [Machine.Opened] for channels that are not used.
var (
	ErrTaken = foci.Errorf(foci.Closed, "there is such a channel already")
	ErrStale = foci.Errorf(foci.Unreachable, "an earlier incarnation of the peer answered")
)

// Opened observes that a channel is open: the result of an attempt to dial, or
// (attempt 0) of a dial outside of the machine. On an error the shell closes the
// channel; nothing was sent on it.
func (m *Machine) Opened(out []Effect, now time.Duration, where Slot, attempt uint64, conn Conn, inc foci.Incarnation, addr route.Address) ([]Effect, error) {
	s := m.at(where)
	if m.removed || s == nil {
		return out, m.closedErr()
	}
	if attempt != 0 && s.dialing == attempt {
		s.dialing = 0
	}
	m.addrs.Opened(addr)
	m.addPings()
	s = m.at(where)
	if inc < m.incarnation && m.open > 0 && !m.cfg.Mutants.KeepStale {
		return m.dial(out, now), ErrStale
	}
	if inc != m.incarnation && !m.cfg.Mutants.KeepStale {
		out = m.reset(out, now)
	}
	if s.usable() && !m.cfg.Mutants.KeepBoth {
		return m.dial(out, now), ErrTaken
	}
	if s.conn != 0 {
		out = append(out, Effect{Do: Close, Conn: s.conn, Slot: where, Err: foci.Errorf(foci.Unreachable, "another channel took its place")})
		s.free()
	}
	m.incarnation = inc
	*s = slot{conn: conn, dialing: s.dialing, addr: addr, incarnation: inc, born: now, wanted: s.wanted}
	m.open++
	m.failures, m.retryAt = 0, 0
	m.still, m.quiet = 0, 0
	out = m.become(out, Up, nil)
	out = m.flush(out, where.Class)
	return m.dial(out, now), nil
}

// reset closes the channels to an earlier incarnation of the peer.
func (m *Machine) reset(out []Effect, now time.Duration) []Effect {
	why := foci.Errorf(foci.Unreachable, "the peer was restarted")
	if m.incarnation == 0 {
		return out
	}
	out = m.closeAll(out, why)
	if m.state == Up {
		m.lastErr = why
		out = m.suspect(out, now)
	}
	return out
}

// Lost observes that a channel has closed. It is dialled again at once; a loss
// right after the handshake counts as a failed dial. The shell then gives the
// channel's unanswered requests to Move.
func (m *Machine) Lost(out []Effect, now time.Duration, conn Conn, why error) []Effect {
	where, s := m.find(conn)
	if s == nil || m.removed {
		return out
	}
	out = m.drop(out, now, where, s, why)
	return m.dial(m.expire(out, now), now)
}

// drop removes a channel that is closed, or will be closed by an effect.
func (m *Machine) drop(out []Effect, now time.Duration, where Slot, s *slot, why error) []Effect {
	if !s.draining {
		m.open--
	}
	s.free()
	if s.wanted = true; now-s.born < m.t.Steady {
		m.addrs.Failed(s.addr, now)
		m.failed(now, why)
	}
	m.lastErr = why
	if m.cfg.Linked && m.open > 0 {
		out = m.closeAll(out, foci.Errorf(foci.Unreachable, "another channel of the link was lost, and they are linked: %w", why))
		out = m.suspect(out, now)
		return m.failAll(out, m.unreachable(now))
	}
	if m.open == 0 && m.state == Up {
		out = m.suspect(out, now)
	}
	return out
}

// Draining observes that the peer accepts no new requests on a channel and will
// close it. A peer that shuts down drains all its channels.
func (m *Machine) Draining(out []Effect, now time.Duration, conn Conn) []Effect {
	_, s := m.find(conn)
	if s == nil || s.draining || m.removed {
		return out
	}
	s.draining = true
	if m.open--; m.open == 0 && m.state == Up {
		m.lastErr = foci.Errorf(foci.Unreachable, "the peer is shutting down")
		m.failed(now, m.lastErr)
		out = m.down(out, now)
	}
	return m.dial(out, now)
}

// Doomed observes that a channel accepts no requests because it has closed. Lost
// follows.
func (m *Machine) Doomed(conn Conn) {
	if _, s := m.find(conn); s != nil {
		s.doomed = true
	}
}

// closeAll closes every channel. Their slots stay wanted, so they are dialled again.
func (m *Machine) closeAll(out []Effect, why error) []Effect {
	m.each(func(where Slot, s *slot) {
		if s.conn != 0 {
			out = append(out, Effect{Do: Close, Conn: s.conn, Slot: where, Err: why})
			s.free()
			s.wanted = true
		}
	})
	m.open = 0
	return out
}
