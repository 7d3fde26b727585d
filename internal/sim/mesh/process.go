package mesh

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/sim/engine"
)

// Process is one process, in one life after the other.
type Process struct {
	*Mesh
	At  engine.Endpoint
	Inc foci.Incarnation // of the present life
	Up  bool             // it lives and accepts connections
	// Serve is called for each request that arrives; reply may be called later,
	// or never.
	Serve func(payload any, reply func(answer any))
	// Changed is called when a peer becomes reachable or unreachable.
	Changed func(to engine.Endpoint, up bool)

	listens bool // others dial it
	alive   bool
	links   []*Link
}

// Add makes a process that begins to live now. One that listens is dialled by
// all others.
func (m *Mesh) Add(at engine.Endpoint, listens bool) *Process {
	p := &Process{Mesh: m, At: at, listens: listens}
	m.procs = append(m.procs, p)
	return p
}

// Start begins a life. Links lead to all processes that listen and share a
// table with this one.
func (p *Process) Start() {
	p.Inc++
	p.Up, p.alive = true, true
	p.links = nil
	for _, to := range p.procs {
		if shared := p.Shared(p.At, to.At); to.listens && to != p && len(shared) > 0 {
			p.links = append(p.links, p.newLink(to, shared))
		}
	}
	p.beats()
}

// Link is the one to an endpoint; nil when there is none.
func (p *Process) Link(to engine.Endpoint) *Link {
	for _, l := range p.links {
		if l.to.At == to {
			return l
		}
	}
	return nil
}

// Crash ends a life at any point of its work. Its own requests never end. Inc is
// raised at the next Start.
func (p *Process) Crash() {
	p.Restarts += count(p.listens)
	p.Up, p.alive = false, false
	for _, l := range p.links {
		l.dead = true
	}
	p.links = nil
	for _, c := range p.conns {
		switch {
		case c.to == p:
			c.there = false
			c.reset()
		case c.l.p == p && !c.broken:
			c.broken = true
			c.leave()
		}
	}
}

// Drain makes the process announce on all channels that it takes no more requests,
// and refuse connections.
func (p *Process) Drain() {
	p.Drains++
	p.Up = false
	for _, c := range p.conns {
		if c.to == p && c.there && !c.broken {
			c.tell(func() {
				if c.open && !c.closed {
					c.draining = true
					c.l.step(func(out []link.Effect, now time.Duration) []link.Effect { return c.l.m.Draining(out, now, c.id) })
				}
			})
		}
	}
}

// During returns a function that calls f only while the present life lasts.
func (p *Process) During(f func()) func() {
	inc := p.Inc
	return func() {
		if p.Inc == inc && p.alive {
			f()
		}
	}
}

// beats sends pings and reports what has arrived, as long as the process lives.
func (p *Process) beats() {
	n := 0
	var beat func()
	beat = p.During(func() {
		if p.resting {
			return
		}
		for _, l := range p.links {
			l.beat(n%2 == 0)
		}
		n++
		p.Background(beatEvery, beat)
	})
	p.Background(p.UpTo(beatEvery), beat)
}
