package mesh

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/sim/engine"
)

// Plan schedules probes, and faults of single connections and paths, from now
// until the time span is over.
func (m *Mesh) Plan(span time.Duration) {
	for range 20 + m.Rand.IntN(40) {
		m.Background(m.UpTo(span), m.Probe)
	}
	for range m.Rand.IntN(25) {
		m.Background(m.UpTo(span), m.fault)
	}
	for range m.Rand.IntN(4) {
		m.Background(m.UpTo(span), func() {
			if l := m.anyLink(); l != nil {
				l.dialByHand()
			}
		})
	}
}

// fault breaks a connection, makes it fall silent, or cuts a path.
func (m *Mesh) fault() {
	if m.Healed {
		return
	}
	switch n := m.Rand.IntN(17); {
	case n < 11:
		if c := m.anyConn(); c != nil {
			c.reset()
		}
	case n < 14:
		if c := m.anyConn(); c != nil {
			c.broken = true
			m.Silences++
		}
	default:
		m.cutPath()
	}
}

// anyConn returns a random connection that is not broken; nil when there is none. It
// drops finished ones.
func (m *Mesh) anyConn() *conn {
	kept := m.conns[:0]
	var open []*conn
	for _, c := range m.conns {
		if !c.broken {
			open = append(open, c)
		}
		if !c.broken || c.there {
			kept = append(kept, c)
		}
	}
	clear(m.conns[len(kept):])
	m.conns = kept
	if len(open) == 0 {
		return nil
	}
	return open[m.Rand.IntN(len(open))]
}

// cutPath cuts a path for a time, in one direction or both.
func (m *Mesh) cutPath() {
	l := m.anyLink()
	if l == nil {
		return
	}
	p := engine.Path{From: l.p.At, To: l.to.At, Table: l.tables[m.Rand.IntN(len(l.tables))]}
	if m.Rand.IntN(2) == 0 {
		p = p.Back()
	}
	both := m.Rand.IntN(2) == 0
	m.OneWays += count(!both)
	set := func(cut bool) {
		m.Cut(p, cut)
		if both {
			m.Cut(p.Back(), cut)
		}
	}
	set(true)
	m.Background(m.UpTo(600*time.Millisecond), func() {
		if !m.Healed {
			set(false)
		}
	})
}

// Heal ends all faults of links. The owners of the network and of the processes heal
// those.
func (m *Mesh) Heal() { m.Healed = true }

// Reset breaks a link's channels in some tables, or one of them. Both sides learn of
// it later, this one within the given time.
func (l *Link) Reset(tables []foci.Table, within time.Duration, one bool) {
	if l == nil {
		return
	}
	var which []*conn
	for _, c := range l.conns {
		for _, t := range tables {
			if t == c.path.Table && !c.broken {
				which = append(which, c)
			}
		}
	}
	if one && len(which) > 0 {
		i := l.Rand.IntN(len(which))
		which = which[i : i+1]
	}
	for _, c := range which {
		c.broken = true
		c.Resets++
		c.leave()
		l.Background(l.UpTo(within+1), func() { c.close(errReset) })
	}
}
