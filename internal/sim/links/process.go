package links

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
)

// process is one node, or one life of it after the other.
type process struct {
	w     *world
	at    int
	inc   foci.Incarnation
	gen   int  // of its lives
	deaf  bool // it refuses connections
	peers map[int]*peer
}

// peer is a link of a process, with a shell like that of package mesh.
type peer struct {
	p      *process
	to     int
	m      *link.Machine
	member bool
	conns  map[link.Conn]*conn
	dead   bool
	wake   time.Duration // scheduled
	state  link.State
	since  time.Duration // of state
	last   time.Duration // when something was heard
}

// start begins a life.
func (p *process) start() {
	p.gen++
	p.deaf = false
	p.peers = map[int]*peer{}
	for i := range p.w.procs {
		if i != p.at {
			p.peers[i] = p.newPeer(i)
		}
	}
	p.beats(p.gen)
}

func (p *process) newPeer(to int) *peer {
	w := p.w
	l := &peer{p: p, to: to, conns: map[link.Conn]*conn{}, wake: -1, member: w.Rand.IntN(4) > 0}
	l.m = link.New(link.Config{
		Node: foci.NodeID{byte(to + 1)}, Channels: shape, Linked: w.linked, Eager: w.eager, Rand: w.Rand.Float64,
		Timing: link.Timing{BackoffMax: maxBackoff}, Mutants: w.v.mutants(), MaxMoves: maxMoves,
	})
	var addrs []link.Addr
	for t := range w.tables {
		addrs = append(addrs, link.Addr{HostPort: string(rune('a' + to)), Table: foci.Table(t)})
	}
	l.step(func(out []link.Effect, now time.Duration) []link.Effect { return l.m.SetAddrs(out, now, addrs) })
	if l.member {
		l.step(l.m.Member)
	}
	return l
}

// crash ends a life: its own requests are nobody's business any more.
func (p *process) crash(back time.Duration) {
	p.w.counts.Restarts++
	p.deaf = true
	p.gen++
	for _, l := range p.peers {
		l.dead = true
	}
	p.peers = nil
	for _, c := range p.w.conns {
		switch {
		case c.to == p:
			c.there = false
			c.reset()
		case c.l.p == p && !c.broken:
			c.broken = true
			c.leave()
		}
	}
	p.inc++
	p.w.After(back, p.start)
}

// drain ends a life in good order.
func (p *process) drain(back time.Duration) {
	p.w.counts.Drains++
	p.deaf = true
	for _, c := range p.w.conns {
		if c.to == p && c.there && !c.broken {
			c.tell(func() {
				if c.open && !c.closed {
					c.draining = true
					c.l.step(func(out []link.Effect, now time.Duration) []link.Effect { return c.l.m.Draining(out, now, c.id) })
				}
			})
		}
	}
	gen := p.gen
	p.w.After(p.w.UpTo(300*time.Millisecond), func() {
		if p.gen == gen {
			p.crash(back)
		}
	})
}

// beats pings and listens, as long as the process lives.
func (p *process) beats(gen int) {
	n := 0
	var beat func()
	beat = func() {
		if p.gen != gen {
			return
		}
		for i := range p.w.procs {
			if l := p.peers[i]; l != nil {
				l.beat(n%4 == 0)
			}
		}
		n++
		p.w.After(beatEvery, beat)
	}
	p.w.After(p.w.UpTo(beatEvery), beat)
}

func (l *peer) beat(ping bool) {
	var pulses []link.Pulse
	for _, id := range inOrder(l.conns) {
		c := l.conns[id]
		pulses = append(pulses, link.Pulse{Conn: id, Heard: c.heard, Asked: c.asked})
	}
	l.silence()
	l.step(func(out []link.Effect, now time.Duration) []link.Effect { return l.m.Beat(out, now, pulses) })
	if !ping {
		return
	}
	for _, id := range inOrder(l.conns) {
		if c := l.conns[id]; c.where.Class == foci.Ping || len(c.calls) > 0 || !l.hasOpen(c.inc, foci.Ping) {
			c.asked = true
			c.serve(func() { c.tell(func() { c.asked = false }) })
		}
	}
}

// step tells the machine something and does what it says.
func (l *peer) step(tell func(out []link.Effect, now time.Duration) []link.Effect) {
	if l.dead {
		return
	}
	l.carryOut(tell(nil, l.p.w.Now))
	l.check()
}

func (l *peer) carryOut(out []link.Effect) {
	w := l.p.w
	for i := range out {
		switch e := &out[i]; e.Do {
		case link.Tell:
			l.became(e.State)
		case link.Close:
			if c := l.conns[e.Conn]; c != nil {
				c.told = true
			}
		}
	}
	for i := range out {
		switch e := &out[i]; e.Do {
		case link.Dial:
			if e.Slot.Class != foci.Ping || w.tables == 1 || int(e.Addr.Table) == e.Slot.Index {
				l.dial(e.Slot, e.Attempt, e.Addr)
				continue
			}
			w.broken("the ping channel %d goes by table %d", e.Slot.Index, e.Addr.Table)
		case link.Close:
			if c := l.conns[e.Conn]; c != nil {
				c.close(e.Err)
			}
		case link.Send:
			q := e.Request.Ref.(*call)
			q.moves, q.since = e.Request.Moves, e.Request.Since
			l.dispatch(q)
		case link.Fail:
			q := e.Request.Ref.(*call)
			q.fail(e.Err)
		}
	}
	l.arm()
}

// arm schedules what the machine wants to be woken for.
func (l *peer) arm() {
	w := l.p.w
	at, ok := l.m.NextWake()
	if !ok || l.wake >= w.Now && l.wake <= at {
		return
	}
	at = max(at, w.Now)
	l.wake = at
	w.After(at-w.Now, func() {
		if l.wake == at && !l.dead {
			l.wake = -1
			l.step(l.m.Tick)
		}
	})
}

// became checks a change of state.
func (l *peer) became(s link.State) {
	w := l.p.w
	if s == l.state || s == link.Unknown || s == link.Suspect && l.state != link.Up {
		w.broken("process %d: peer %d became %v after %v", l.p.at, l.to, s, l.state)
	}
	w.counts.Suspects += count(s == link.Suspect)
	w.counts.Downs += count(s == link.Down)
	l.state, l.since = s, w.Now
}

func inOrder[K interface{ ~uint32 | ~uint64 }, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
