package link

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
)

// slot is the place of one channel.
type slot struct {
	conn        Conn   // the open channel; 0: none
	dialing     uint64 // the attempt under way; 0: none
	dialledAt   time.Duration
	addr        route.Address // dialled last
	wanted      bool
	tried       bool // a dial failed since the peer became suspect
	draining    bool // the peer will close it
	doomed      bool // it is closed; Lost follows
	incarnation foci.Incarnation
	born        time.Duration
	heard       int64 // bytes received, at the last beat
	quiet       int   // beats without a byte while a ping is unanswered
	still       int   // beats without a byte
}

// usable reports whether the channel accepts requests.
func (s *slot) usable() bool { return s.conn != 0 && !s.draining && !s.doomed }

// vacant reports whether a channel may be dialled into the slot.
func (s *slot) vacant() bool { return s.dialing == 0 && (s.conn == 0 || s.draining) }

// free empties the slot.
func (s *slot) free() {
	s.conn, s.draining, s.doomed = 0, false, false
}

// at returns a slot; nil if there is none: the peer has fewer tables now, or made the
// number up.
func (m *Machine) at(where Slot) *slot {
	if where.Class >= foci.NumClasses || where.Index < 0 || where.Index >= len(m.slots[where.Class]) {
		return nil
	}
	return &m.slots[where.Class][where.Index]
}

// each calls f for every slot.
func (m *Machine) each(f func(where Slot, s *slot)) {
	for c := range m.slots {
		for i := range m.slots[c] {
			f(Slot{foci.Class(c), i}, &m.slots[c][i])
		}
	}
}

// find returns the slot of an open channel, or nil.
func (m *Machine) find(conn Conn) (Slot, *slot) {
	for c := range m.slots {
		for i := range m.slots[c] {
			if conn != 0 && m.slots[c][i].conn == conn {
				return Slot{foci.Class(c), i}, &m.slots[c][i]
			}
		}
	}
	return Slot{}, nil
}

// wants reports whether a slot should have a channel.
func (m *Machine) wants(where Slot, s *slot) bool {
	if where.Class == foci.Ping {
		if where.Index >= m.pings() {
			return false // the peer has no address in that table any more
		}
		if m.member || m.state != Unknown || m.waits > 0 {
			return true
		}
	}
	return s.wanted || m.member && (m.cfg.Eager || where.Class == foci.State)
}

// pings is how many ping channels there should be.
func (m *Machine) pings() int { return max(1, len(m.addrs.Tables())) * m.cfg.Channels[foci.Ping] }

// usable reports whether a channel of a class accepts requests.
func (m *Machine) usable(class foci.Class) bool {
	for i := range m.slots[class] {
		if m.slots[class][i].usable() {
			return true
		}
	}
	return false
}

// Open returns the channel in a slot if it accepts requests, else 0.
func (m *Machine) Open(where Slot) Conn {
	if s := m.at(where); s != nil && s.usable() {
		return s.conn
	}
	return 0
}

// SlotState names the state of a slot, for output.
func (m *Machine) SlotState(where Slot) string {
	s := m.at(where)
	switch {
	case s == nil:
		return "idle"
	case s.draining:
		return "draining"
	case s.conn != 0:
		return "open"
	case s.dialing != 0:
		return "dialing"
	case m.wants(where, s):
		return "wanted"
	}
	return "idle"
}

// Slots is how many slots a class has.
func (m *Machine) Slots(class foci.Class) int { return len(m.slots[class]) }

// Widen dials one more channel of a class, unless one is being dialled.
func (m *Machine) Widen(out []Effect, now time.Duration, class foci.Class) []Effect {
	for i := range m.slots[class] {
		switch s := &m.slots[class][i]; {
		case class == foci.Ping && i >= m.pings():
		case s.dialing != 0 || s.wanted && s.conn == 0:
			return out
		case s.conn == 0:
			s.wanted = true
			return m.dial(out, now)
		}
	}
	return out
}
