package links

import (
	"fmt"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
)

// check looks at a link after each event.
func (l *peer) check() {
	w := l.p.w
	if l.dead {
		return
	}
	usable := 0
	at := map[link.Slot]*conn{}
	inc := foci.Incarnation(0)
	for _, id := range inOrder(l.conns) {
		c := l.conns[id]
		if c.told || !c.open {
			continue
		}
		if o := at[c.where]; o != nil {
			w.broken("process %d: channels %d and %d have one slot", l.p.at, o.id, c.id)
		}
		at[c.where] = c
		if !c.closed {
			if inc != 0 && inc != c.inc {
				w.broken("process %d: channels to incarnations %d and %d of peer %d", l.p.at, inc, c.inc, l.to)
			}
			inc = c.inc
		}
		usable += count(c.usable())
	}
	if up := l.m.State() == link.Up; up != (usable > 0) || l.state != l.m.State() {
		w.broken("process %d: peer %d is %v (told: %v) with %d channels", l.p.at, l.to, l.m.State(), l.state, usable)
	}
	if l.state == link.Suspect && w.Now-l.since > time.Second {
		w.broken("process %d: peer %d is a suspect since %v", l.p.at, l.to, w.Now-l.since)
	}
}

// silence wants a peer from which nothing comes to be suspected in time.
func (l *peer) silence() {
	w := l.p.w
	if l.state == link.Up && w.Now-l.last > 3500*time.Millisecond && l.pinged() {
		w.broken("process %d: nothing was heard of peer %d since %v, and it is believed up", l.p.at, l.to, l.last)
	}
}

func (l *peer) pinged() bool {
	for _, c := range l.conns {
		if c.asked && !c.told {
			return true
		}
	}
	return false
}

// verify looks at everything when all has been well for long enough.
func (w *world) verify() {
	for _, q := range w.calls {
		if q.ended == 0 && !q.l.dead {
			w.broken("request %d (class %v, sent %d times, executed %d times, got %d of %d) has not ended; its channel: %v", q.number, q.class, q.sent, q.executed, q.got, q.parts, q.on)
		}
	}
	for _, p := range w.procs {
		for i := range w.procs {
			l := p.peers[i]
			if l == nil {
				continue
			}
			if n := l.m.Waiting(); n > 0 {
				w.broken("process %d: %d requests wait for peer %d", p.at, n, i)
			}
			if !l.member {
				continue
			}
			if l.state != link.Up {
				w.broken("process %d: peer %d is %v: %v", p.at, i, l.state, l.m.LastErr())
			}
			w.slots(l)
		}
	}
}

// slots wants a member's channels to be open.
func (w *world) slots(l *peer) {
	for c := range foci.NumClasses {
		if c > foci.State && !w.eager {
			continue
		}
		n := shape[c]
		if c == foci.Ping {
			n = w.tables
		}
		for i := range n {
			if l.m.Open(link.Slot{Class: c, Index: i}) == 0 {
				w.broken("process %d: channel %v %d to peer %d is %s", l.p.at, c, i, l.to, l.m.SlotState(link.Slot{Class: c, Index: i}))
			}
		}
	}
}

// String tells a channel's state, for failures.
func (c *conn) String() string {
	if c == nil {
		return "none"
	}
	return fmt.Sprintf("%v %d, id %d, incarnation %d (now %d), broken %t, closed %t, told %t, draining %t, there %t, %d calls, heard at %v",
		c.where.Class, c.where.Index, c.id, c.inc, c.to.inc, c.broken, c.closed, c.told, c.draining, c.there, len(c.calls), c.last)
}
