package mesh

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/sim/engine"
)

// dial opens a connection, with a handshake that may break at every step. It reports
// the outcome once.
func (l *Link) dial(where link.Slot, attempt uint64, addr route.Address) {
	l.Dials++
	path := engine.Path{From: l.p.At, To: l.to.At, Table: addr.Table}
	c := &conn{Mesh: l.Mesh, l: l, to: l.to, path: path, where: where}
	l.Mesh.conns = append(l.Mesh.conns, c)
	ended := false
	end := func(err error) {
		if ended || l.dead {
			return
		}
		ended = true
		if err == nil {
			l.adopt(c, attempt, addr)
			return
		}
		c.broken = true
		c.leave()
		if attempt != 0 {
			l.step(func(out []link.Effect, now time.Duration) []link.Effect {
				return l.m.Undialled(out, now, where, attempt, err)
			})
		}
	}
	l.Background(handshake, func() { end(errTimeout) })
	l.Background(l.delay(), func() {
		switch {
		case l.IsCut(path):
		case !l.to.Up || !l.Healed && l.Chance(l.Rough):
			end(errRefused)
		default:
			c.greet(end)
		}
	})
}

// greet exchanges hello and welcome.
func (c *conn) greet(end func(error)) {
	fails := func() bool {
		if !c.maybeBreak(&c.MidHandshake) {
			return false
		}
		if c.Chance(0.8) {
			c.Background(c.delay(), func() { end(errReset) })
		}
		return true
	}
	c.serve(func() {
		if fails() {
			return
		}
		c.there = true
		inc := c.to.Inc
		c.to.inbound(c.l.p, 1)
		if fails() {
			return
		}
		if c.Rand.IntN(40) == 0 && !c.Healed {
			// The client reads it late, perhaps after the server's life has ended.
			c.Background(c.UpTo(handshake), func() {
				c.inc = inc
				end(nil)
			})
			return
		}
		c.tell(func() {
			c.inc = inc
			end(nil)
		})
	})
}

// adopt passes an open connection to the machine.
func (l *Link) adopt(c *conn, attempt uint64, addr route.Address) {
	l.nextID++
	c.id, c.open, c.last, l.last = l.nextID, true, l.Now, l.Now
	l.conns = append(l.conns, c)
	out, err := l.m.Opened(nil, l.Now, c.where, attempt, c.id, c.inc, addr)
	if err != nil {
		l.remove(c)
		c.open, c.closed, c.broken = false, true, true
		c.leave()
		l.Taken += count(err == link.ErrTaken)
		l.Stale += count(err == link.ErrStale)
	}
	l.carryOut(out)
	l.check()
	if c.broken && !c.closed && l.Chance(0.85) {
		l.Background(l.delay(), func() { c.close(errReset) })
	}
}

// dialByHand opens a channel that the machine did not ask for.
func (l *Link) dialByHand() {
	l.dial(link.Slot{Class: foci.Ping}, 0, l.addr(l.tables[0]))
}
