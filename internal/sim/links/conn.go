package links

import (
	"errors"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
)

var (
	errReset   = errors.New("connection reset by peer")
	errRefused = errors.New("connection refused")
	errTimeout = errors.New("no answer in time")
)

// conn is a connection from a link of one process to another process.
type conn struct {
	w        *world
	l        *peer
	to       *process
	table    foci.Table
	broken   bool          // nothing arrives any more
	there    bool          // the server has taken the hello
	toServer time.Duration // when the last thing sent arrives
	toClient time.Duration

	// What its dialling side knows, once it is open:
	id       link.Conn
	where    link.Slot
	inc      foci.Incarnation
	open     bool
	closed   bool
	draining bool
	told     bool // the machine knows that it was lost
	calls    map[uint32]*call
	next     uint32
	heard    int64
	last     time.Duration // when something was heard
	asked    bool
}

// passes reports whether something from one end to the other arrives now. What
// is sent into a hole breaks the connection without anybody noticing.
func (c *conn) passes(from, to int) bool {
	if !c.broken && c.w.blocked[way{from, to, c.table}] {
		c.broken = true
		c.w.counts.Silences++
	}
	return !c.broken
}

// serve does something at the server when what is sent now arrives, in order.
func (c *conn) serve(do func()) {
	gen := c.to.gen
	c.toServer = max(c.toServer, c.w.Now+c.w.delay())
	c.w.After(c.toServer-c.w.Now, func() {
		if c.passes(c.l.p.at, c.to.at) && c.to.gen == gen {
			do()
		}
	})
}

// tell does something at the client when what is sent now arrives, in order.
func (c *conn) tell(do func()) {
	c.toClient = max(c.toClient, c.w.Now+c.w.delay())
	c.w.After(c.toClient-c.w.Now, func() {
		if (c.passes(c.to.at, c.l.p.at) || c.w.v == LateReply && c.closed) && !c.l.dead {
			if c.open {
				c.heard++
				c.last, c.l.last = c.w.Now, c.w.Now
			}
			do()
		}
	})
}

// reset breaks a connection. Either side hears of it a little later, or only by
// its silence.
func (c *conn) reset() {
	if c.broken {
		return
	}
	c.broken = true
	c.w.counts.Resets++
	c.leave()
	if c.w.Chance(0.85) || c.w.healed {
		c.w.After(c.w.delay(), func() { c.close(errReset) })
	}
}

// leave has the server forget the connection, a little later.
func (c *conn) leave() {
	if !c.there {
		return
	}
	c.there = false
	gen := c.to.gen
	c.w.After(c.w.delay(), func() {
		if back := c.to.peers[c.l.p.at]; c.to.gen == gen && back != nil {
			back.step(func(out []link.Effect, now time.Duration) []link.Effect { return back.m.Inbound(out, now, -1) })
		}
	})
}

// maybeBreak ends a connection at this step, now and then.
func (c *conn) maybeBreak(count *int) bool {
	if c.broken || c.w.healed || !c.w.Chance(c.w.rough) {
		return false
	}
	*count++
	c.reset()
	return true
}

// dial opens a connection, with a handshake that may end at every step. The
// outcome is told once.
func (l *peer) dial(where link.Slot, attempt uint64, addr link.Addr) {
	w := l.p.w
	w.counts.Dials++
	c := &conn{w: w, l: l, to: w.procs[l.to], table: addr.Table, where: where, calls: map[uint32]*call{}}
	w.conns = append(w.conns, c)
	ended := false
	end := func(err error) {
		if ended || l.dead {
			return
		}
		ended = true
		if err != nil {
			c.broken = true
			c.leave()
			if attempt != 0 {
				l.step(func(out []link.Effect, now time.Duration) []link.Effect {
					return l.m.Undialled(out, now, where, attempt, err)
				})
			}
			return
		}
		l.adopt(c, attempt, addr)
	}
	w.After(handshake, func() { end(errTimeout) })
	w.After(w.delay(), func() {
		switch {
		case w.blocked[way{l.p.at, l.to, c.table}]:
		case c.to.deaf || !w.healed && w.Chance(w.rough):
			end(errRefused)
		default:
			c.greet(end)
		}
	})
}

// greet is hello and welcome.
func (c *conn) greet(end func(error)) {
	w := c.w
	fails := func() bool {
		if !c.maybeBreak(&w.counts.MidHandshake) {
			return false
		}
		if w.Chance(0.8) {
			w.After(w.delay(), func() { end(errReset) })
		}
		return true
	}
	c.serve(func() {
		if fails() {
			return
		}
		c.there = true
		inc := c.to.inc
		if back := c.to.peers[c.l.p.at]; back != nil {
			if back.m.State() == link.Unknown {
				w.counts.Crossed++
			}
			back.step(func(out []link.Effect, now time.Duration) []link.Effect { return back.m.Inbound(out, now, 1) })
		}
		if fails() {
			return
		}
		if w.Rand.IntN(40) == 0 && !w.healed {
			// It is read late, perhaps from one that is no more.
			w.After(w.UpTo(time.Second), func() {
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

// adopt gives an open connection to the machine.
func (l *peer) adopt(c *conn, attempt uint64, addr link.Addr) {
	w := l.p.w
	w.nextID++
	c.id, c.open, c.last, l.last = w.nextID, true, w.Now, w.Now
	l.conns[c.id] = c
	out, err := l.m.Opened(nil, w.Now, c.where, attempt, c.id, c.inc, addr)
	if err != nil {
		delete(l.conns, c.id)
		c.open, c.closed, c.broken = false, true, true
		c.leave()
		w.counts.Taken += count(err == link.ErrTaken)
		w.counts.Stale += count(err == link.ErrStale)
	}
	l.carryOut(out)
	l.check()
	if c.broken && !c.closed && w.Chance(0.85) {
		w.After(w.delay(), func() { c.close(errReset) })
	}
}

// close is the shell's: the machine hears of the loss first, then decides over
// each request that was on the channel.
func (c *conn) close(why error) {
	if c.closed || !c.open || c.l.dead {
		return
	}
	c.closed, c.broken = true, true
	c.leave()
	lost := c.calls
	if c.w.v != LateReply {
		c.calls = map[uint32]*call{}
	}
	finish := func() {
		if c.l.dead {
			return
		}
		news := !c.told
		c.told = true
		c.l.last = c.w.Now // a reset is a sign too
		delete(c.l.conns, c.id)
		c.l.step(func(out []link.Effect, now time.Duration) []link.Effect { return c.l.m.Lost(out, now, c.id, why) })
		if c.w.linked && news && !c.draining && c.l.hasOpen(c.inc, foci.NumClasses) {
			c.w.broken("process %d: channel %d to peer %d was lost, they are linked, and others are open", c.l.p.at, c.id, c.l.to)
		}
		for _, n := range inOrder(lost) {
			c.l.orphaned(lost[n], c, why)
		}
	}
	if c.w.Rand.IntN(4) == 0 { // somebody may try to use it meanwhile
		c.w.After(c.w.UpTo(2*time.Millisecond), finish)
		return
	}
	finish()
}

// usable reports whether the channel takes requests, as far as the machine can
// know.
func (c *conn) usable() bool { return c.open && !c.told && !c.draining }

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
