package mesh

import (
	"errors"
	"fmt"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/sim/engine"
)

var (
	errReset   = errors.New("connection reset by peer")
	errRefused = errors.New("connection refused")
	errTimeout = errors.New("no answer in time")
)

// conn is a connection from a link of one process to another process.
type conn struct {
	*Mesh
	l        *Link
	to       *Process
	path     engine.Path
	broken   bool          // nothing arrives any more
	there    bool          // the server has accepted the hello
	toServer time.Duration // when the last message sent arrives
	toClient time.Duration

	// What its dialling side knows, once it is open:
	id       link.Conn
	where    link.Slot
	inc      foci.Incarnation
	open     bool
	closed   bool
	draining bool
	told     bool // the machine knows that it was lost
	calls    []*Request
	heard    int64
	last     time.Duration // when something last arrived
	asked    bool          // a ping is unanswered
}

// passes reports whether a message sent on a path now arrives. A message sent into a
// cut breaks the connection, and neither side notices.
func (c *conn) passes(p engine.Path) bool {
	if !c.broken && c.IsCut(p) {
		c.broken = true
		c.Silences++
	}
	return !c.broken
}

// serve runs do at the server when a message sent now arrives, in order.
func (c *conn) serve(do func()) {
	inc := c.to.Inc
	c.toServer = max(c.toServer, c.Now+c.delay())
	c.Background(c.toServer-c.Now, func() {
		if c.passes(c.path) && c.to.Inc == inc {
			do()
		}
	})
}

// tell runs do at the client when a message sent now arrives, in order.
func (c *conn) tell(do func()) {
	c.toClient = max(c.toClient, c.Now+c.delay())
	c.Background(c.toClient-c.Now, func() {
		if (c.passes(c.path.Back()) || c.Mutants.LateReply && c.closed) && !c.l.dead {
			if c.open {
				c.hear()
			}
			do()
		}
	})
}

// hear records that something has arrived at the client.
func (c *conn) hear() {
	c.heard++
	c.last, c.l.last = c.Now, c.Now
}

// reset breaks a connection. The server learns of it a little later; so does the
// client, or only by silence.
func (c *conn) reset() {
	if c.broken {
		return
	}
	c.broken = true
	c.Resets++
	c.leave()
	if c.Chance(0.85) || c.Healed {
		c.Background(c.delay(), func() { c.close(errReset) })
	}
}

// leave makes the server forget the connection a little later.
func (c *conn) leave() {
	if !c.there {
		return
	}
	c.there = false
	c.Background(c.delay(), c.to.During(func() { c.to.inbound(c.l.p, -1) }))
}

// inbound tells the link to a process that a connection from that process was opened
// or closed.
func (p *Process) inbound(from *Process, change int) {
	l := p.Link(from.At)
	if l == nil {
		return
	}
	p.Crossed += count(change > 0 && l.m.State() == link.Unknown)
	l.step(func(out []link.Effect, now time.Duration) []link.Effect { return l.m.Inbound(out, now, change) })
}

// maybeBreak breaks the connection at this step with probability Rough.
func (c *conn) maybeBreak(count *int) bool {
	if c.broken || c.Healed || !c.Chance(c.Rough) {
		return false
	}
	*count++
	c.reset()
	return true
}

// close closes the channel as the shell does: the machine learns of the loss first,
// then decides about each request that was on the channel.
func (c *conn) close(why error) {
	if c.closed || !c.open || c.l.dead {
		return
	}
	c.closed, c.broken = true, true
	c.leave()
	lost := c.calls
	if !c.Mutants.LateReply {
		c.calls = nil
	}
	finish := func() {
		if c.l.dead {
			return
		}
		news := !c.told
		c.told = true
		c.l.last = c.Now // a reset is not silence
		c.l.remove(c)
		c.l.step(func(out []link.Effect, now time.Duration) []link.Effect { return c.l.m.Lost(out, now, c.id, why) })
		if c.Linked && news && !c.draining && c.l.hasOpen(c.inc, foci.NumClasses) {
			c.Mesh.broken("process %d: channel %d to peer %d was lost, they are linked, and others are open", c.l.p.At, c.id, c.l.to.At)
		}
		for _, q := range lost {
			c.l.orphaned(q, c, why)
		}
	}
	if c.Rand.IntN(4) == 0 { // a request may try to use it meanwhile
		c.Background(c.UpTo(2*time.Millisecond), finish)
		return
	}
	finish()
}

// usable reports whether the channel takes requests, as far as the machine knows.
func (c *conn) usable() bool { return c.open && !c.told && !c.draining }

// String returns the channel's state, for error messages.
func (c *conn) String() string {
	if c == nil {
		return "none"
	}
	return fmt.Sprintf("%v %d, id %d, incarnation %d (now %d), broken %t, closed %t, told %t, draining %t, there %t, %d calls, heard at %v",
		c.where.Class, c.where.Index, c.id, c.inc, c.to.Inc, c.broken, c.closed, c.told, c.draining, c.there, len(c.calls), c.last)
}
