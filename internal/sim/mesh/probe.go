package mesh

import (
	"time"

	"github.com/foci-store/foci"
)

// Probe sends a request that carries only its number from a random process to
// another.
func (m *Mesh) Probe() {
	l := m.anyLink()
	if l == nil {
		return
	}
	for range 1 + m.Rand.IntN(4) {
		q := &Request{
			Class:  foci.Class(1 + m.Rand.IntN(int(foci.NumClasses)-1)),
			pieces: 1 + m.Rand.IntN(4), parts: 1 + m.Rand.IntN(4),
			fixed: m.Rand.IntN(8) == 0, poison: m.Rand.IntN(100) == 0,
		}
		q.stream = q.parts > 1 && m.Rand.IntN(3) == 0
		q.Done = func(_ any, err error) {
			m.Answered += count(err == nil)
			m.Failed += count(err != nil)
		}
		m.probes = append(m.probes, q)
		m.Probes++
		l.p.Send(l.to.At, q)
		if m.Rand.IntN(10) == 0 {
			m.Background(m.UpTo(200*time.Millisecond), q.Cancel)
		}
	}
}

// anyLink returns a random link of a living process.
func (m *Mesh) anyLink() *Link {
	if p := m.procs[m.Rand.IntN(len(m.procs))]; len(p.links) > 0 {
		return p.links[m.Rand.IntN(len(p.links))]
	}
	return nil
}

// sendProbe sends a probe, piece by piece.
func (c *conn) sendProbe(q *Request) {
	for n := range q.pieces {
		c.serve(func() {
			switch {
			case q.poison:
				c.Poisoned++
				c.reset()
			case c.maybeBreak(&c.MidBody):
			case n == q.pieces-1:
				c.executeProbe(q)
			}
		})
	}
}

// executeProbe runs at the server when the whole request has arrived.
func (c *conn) executeProbe(q *Request) {
	q.executed++
	c.Twice += count(q.executed > 1)
	number := q.number
	c.Background(c.UpTo(30*time.Millisecond), c.to.During(func() {
		if c.broken {
			return
		}
		for range q.parts {
			c.tell(func() { c.part(q, number, nil) })
			c.maybeBreak(&c.MidBody)
		}
	}))
}
