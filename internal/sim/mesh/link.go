package mesh

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/core/route"
)

// Link is a process's channels to another one, with a shell like that of
// package device/mesh.
type Link struct {
	*Mesh
	p      *Process
	to     *Process
	tables []foci.Table // in which the two processes reach each other
	m      *link.Machine
	conns  []*conn // those that the machine has, in the order of their opening
	dead   bool    // its process's life has ended
	wake   time.Duration
	state  link.State
	since  time.Duration // of state
	last   time.Duration // when something last arrived
}

// newLink makes a link that is kept open: mostly from the start, else from a later
// time on, and until then only while it is used.
func (p *Process) newLink(to *Process, tables []foci.Table) *Link {
	l := &Link{Mesh: p.Mesh, p: p, to: to, tables: tables, wake: -1}
	cfg := link.Config{
		Node: foci.NodeID{byte(to.At) + 1}, Channels: shape, Linked: p.Linked, Eager: p.Eager, Rand: p.Rand.Float64,
		Timing: timing, Mutants: p.Mutants.Mutants, MaxMoves: maxMoves,
	}
	l.m = link.New(cfg)
	var addrs []route.Address
	for _, t := range tables {
		addrs = append(addrs, l.addr(t))
	}
	l.step(func(out []link.Effect, now time.Duration) []link.Effect { return l.m.SetAddrs(out, now, addrs) })
	keep := func() { l.step(l.m.Member) }
	if p.Rand.IntN(8) == 0 && !p.Healed {
		p.Background(p.UpTo(500*time.Millisecond), keep)
	} else {
		keep()
	}
	return l
}

func (l *Link) addr(t foci.Table) route.Address {
	return route.Address{Host: string(rune('a' + l.to.At)), Table: t}
}

// IsUp reports whether a channel is open, as far as the link knows.
func (l *Link) IsUp() bool { return l != nil && !l.dead && l.m.State() == link.Up }

// Load is how many requests are on its channels.
func (l *Link) Load() (n int64) {
	for _, c := range l.conns {
		n += int64(len(c.calls))
	}
	return n
}

// beat tells the machine what has arrived on each channel.
func (l *Link) beat(ping bool) {
	pulses := make([]link.Pulse, len(l.conns))
	for i, c := range l.conns {
		pulses[i] = link.Pulse{Conn: c.id, Heard: c.heard, Asked: c.asked}
	}
	l.silence()
	l.step(func(out []link.Effect, now time.Duration) []link.Effect { return l.m.Beat(out, now, pulses) })
	if !ping {
		return
	}
	for _, c := range l.conns {
		if c.where.Class == foci.Ping || len(c.calls) > 0 || !l.hasOpen(c.inc, foci.Ping) {
			c.asked = true
			c.serve(func() { c.tell(func() { c.asked = false }) })
		}
	}
}

// step gives the machine an event and carries out its effects.
func (l *Link) step(tell func(out []link.Effect, now time.Duration) []link.Effect) {
	if l.dead {
		return
	}
	l.carryOut(tell(nil, l.Now))
	l.check()
}

func (l *Link) carryOut(out []link.Effect) {
	for i := range out {
		switch e := &out[i]; e.Do {
		case link.Tell:
			l.became(e.State)
		case link.Close:
			if c := l.conn(e.Conn); c != nil {
				c.told = true
			}
		}
	}
	for i := range out {
		switch e := &out[i]; e.Do {
		case link.Dial:
			if e.Slot.Class != foci.Ping || e.Addr.Table == l.tables[e.Slot.Index] {
				l.dial(e.Slot, e.Attempt, e.Addr)
				continue
			}
			l.broken("the ping channel %d goes by table %d", e.Slot.Index, e.Addr.Table)
		case link.Close:
			if c := l.conn(e.Conn); c != nil {
				c.close(e.Err)
			}
		case link.Send:
			q := e.Request.Ref.(*Request)
			q.moves, q.since = e.Request.Moves, e.Request.Since
			l.dispatch(q)
		case link.Fail:
			e.Request.Ref.(*Request).fail(e.Err)
		}
	}
	l.arm()
}

// arm schedules the machine's next deadline.
func (l *Link) arm() {
	at, ok := l.m.NextWake()
	if !ok || l.wake >= l.Now && l.wake <= at {
		return
	}
	at = max(at, l.Now)
	l.wake = at
	l.Background(at-l.Now, func() {
		if l.wake == at && !l.dead {
			l.wake = -1
			l.step(l.m.Tick)
		}
	})
}

// conn returns an open connection of the link.
func (l *Link) conn(id link.Conn) *conn {
	for _, c := range l.conns {
		if c.id == id {
			return c
		}
	}
	return nil
}

func (l *Link) remove(c *conn) {
	l.conns = slices.DeleteFunc(l.conns, func(o *conn) bool { return o == c })
}

// hasOpen reports whether a channel of a class, or of any, to an incarnation
// takes requests.
func (l *Link) hasOpen(inc foci.Incarnation, class foci.Class) bool {
	for _, c := range l.conns {
		if c.usable() && !c.closed && c.inc == inc && (class == foci.NumClasses || c.where.Class == class) {
			return true
		}
	}
	return false
}

// became checks a change of state and reports it to the process.
func (l *Link) became(s link.State) {
	if s == l.state || s == link.Unknown || s == link.Suspect && l.state != link.Up {
		l.broken("process %d: peer %d became %v after %v", l.p.At, l.to.At, s, l.state)
	}
	l.Suspects += count(s == link.Suspect)
	l.Downs += count(s == link.Down)
	if up := s == link.Up; l.p.Changed != nil && up != (l.state == link.Up) {
		l.After(0, func() {
			if !l.dead {
				l.p.Changed(l.to.At, up)
			}
		})
	}
	l.state, l.since = s, l.Now
}
