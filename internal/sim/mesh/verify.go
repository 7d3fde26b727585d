package mesh

import (
	"slices"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
)

// check checks the invariants of a link after each event.
func (l *Link) check() {
	if l.dead {
		return
	}
	usable := 0
	inc := foci.Incarnation(0)
	for i, c := range l.conns {
		if c.told || !c.open {
			continue
		}
		for _, o := range l.conns[:i] {
			if o.where == c.where && !o.told && o.open {
				l.broken("process %d: channels %d and %d have one slot", l.p.At, o.id, c.id)
			}
		}
		if !c.closed {
			if inc != 0 && inc != c.inc {
				l.broken("process %d: channels to incarnations %d and %d of peer %d", l.p.At, inc, c.inc, l.to.At)
			}
			inc = c.inc
		}
		usable += count(c.usable())
	}
	if up := l.m.State() == link.Up; up != (usable > 0) || l.state != l.m.State() {
		l.broken("process %d: peer %d is %v (told: %v) with %d channels", l.p.At, l.to.At, l.m.State(), l.state, usable)
	}
	if l.state == link.Suspect && l.Now-l.since > suspect {
		l.broken("process %d: peer %d is a suspect since %v", l.p.At, l.to.At, l.Now-l.since)
	}
}

// silence checks that a silent peer is suspected in time.
func (l *Link) silence() {
	if l.state != link.Up || l.Now-l.last <= silent {
		return
	}
	for _, c := range l.conns {
		if c.asked && !c.told {
			l.broken("process %d: nothing was heard of peer %d since %v, and it is believed up", l.p.At, l.to.At, l.last)
		}
	}
}

// Verify checks all links when there has been no fault for long enough. From then on
// links are not pinged, because nothing breaks any more; broken idle connections end
// now, as by TCP's keepalive.
func (m *Mesh) Verify() *Broken {
	for _, q := range m.probes {
		if q.ended == 0 && !q.l.dead {
			m.broken("request %d (class %v, sent %d times, executed %d times, got %d of %d) has not ended; its channel: %v", q.number, q.Class, q.sent, q.executed, q.got, q.parts, q.on)
		}
	}
	for _, p := range m.procs {
		for _, l := range p.links {
			if l.state != link.Up {
				m.broken("process %d: peer %d is %v: %v", p.At, l.to.At, l.state, l.m.LastErr())
			}
			l.verifySlots()
			for _, c := range slices.Clone(l.conns) {
				if c.broken {
					c.close(errReset)
				}
			}
		}
	}
	m.resting = true
	return m.Err
}

// VerifyIdle checks that no request waits when no caller is left.
func (m *Mesh) VerifyIdle() *Broken {
	for _, p := range m.procs {
		for _, l := range p.links {
			if n := l.m.Waiting(); n > 0 {
				m.broken("process %d: %d requests wait for peer %d", p.At, n, l.to.At)
			}
		}
	}
	return m.Err
}

// verifySlots checks that all channels that a link keeps open are open.
func (l *Link) verifySlots() {
	for c := range foci.NumClasses {
		if c > foci.State && !l.Eager {
			continue
		}
		n := shape[c]
		if c == foci.Ping {
			n = len(l.tables)
		}
		for i := range n {
			if s := (link.Slot{Class: c, Index: i}); l.m.Open(s) == 0 {
				l.broken("process %d: channel %v %d to peer %d is %s", l.p.At, c, i, l.to.At, l.m.SlotState(s))
			}
		}
	}
}
