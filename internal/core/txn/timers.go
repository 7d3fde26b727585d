package txn

import "time"

// The timers are a 4-ary heap of the legs themselves: each knows its place, so
// that moving or removing its timer allocates and searches nothing.

const arity = 4

// NextWake is when Tick is due; false when nothing is pending.
func (m *Machine) NextWake() (time.Duration, bool) {
	if len(m.timers) == 0 {
		return 0, false
	}
	return m.timers[0].due, true
}

// push gives a leg its timer.
func (m *Machine) push(p *pending, due time.Duration) {
	p.due = due
	p.heapAt = int32(len(m.timers))
	m.timers = append(m.timers, p)
	m.up(int(p.heapAt))
}

// schedule moves a leg's timer, never beyond its deadline.
func (m *Machine) schedule(p *pending, due time.Duration) {
	p.due = min(due, p.deadline)
	m.fix(int(p.heapAt))
}

// remove takes a leg's timer away.
func (m *Machine) remove(p *pending) {
	at, end := int(p.heapAt), len(m.timers)-1
	last := m.timers[end]
	m.timers[end] = nil
	m.timers = m.timers[:end]
	if at != end {
		m.set(at, last)
		m.fix(at)
	}
}

func (m *Machine) set(at int, p *pending) {
	m.timers[at] = p
	p.heapAt = int32(at)
}

func (m *Machine) fix(at int) {
	if !m.up(at) {
		m.sink(at)
	}
}

// up lifts the leg at a place while it is due before its parent.
func (m *Machine) up(at int) bool {
	p, from := m.timers[at], at
	for at > 0 {
		parent := (at - 1) / arity
		if m.timers[parent].due <= p.due {
			break
		}
		m.set(at, m.timers[parent])
		at = parent
	}
	m.set(at, p)
	return at != from
}

// sink lowers the leg at a place while a child is due before it.
func (m *Machine) sink(at int) {
	p := m.timers[at]
	for {
		first := at*arity + 1
		if first >= len(m.timers) {
			break
		}
		least := first
		for c := first + 1; c < min(first+arity, len(m.timers)); c++ {
			if m.timers[c].due < m.timers[least].due {
				least = c
			}
		}
		if p.due <= m.timers[least].due {
			break
		}
		m.set(at, m.timers[least])
		at = least
	}
	m.set(at, p)
}
