package links

import (
	"errors"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
)

// streams is how many requests fit on one channel.
const streams = 6

var (
	errGone = errors.New("the channel is closing")
	errFull = &foci.Error{Kind: foci.Busy, Msg: "too many requests on one channel"}
	errEnd  = &foci.Error{Kind: foci.Canceled, Msg: "the caller no longer wants the answer"}
)

// call is one request.
type call struct {
	l      *peer
	number int
	class  foci.Class
	pieces int // of the request
	parts  int // of the reply
	fixed  bool
	stream bool // its reply is handed out with its first part
	poison bool // who gets it breaks the connection

	moves    int
	since    time.Duration
	sent     int
	executed int
	got      int // parts of the reply, on its present channel
	ended    int
	on       *conn
	id       uint32
}

// ask makes a request and submits it.
func (l *peer) ask() {
	w := l.p.w
	q := &call{
		l: l, number: len(w.calls), class: foci.Class(1 + w.Rand.IntN(int(foci.NumClasses)-1)),
		pieces: 1 + w.Rand.IntN(4), parts: 1 + w.Rand.IntN(4),
		fixed: w.Rand.IntN(8) == 0, poison: w.Rand.IntN(100) == 0,
	}
	q.stream = q.parts > 1 && w.Rand.IntN(3) == 0
	w.calls = append(w.calls, q)
	w.counts.Requests++
	l.dispatch(q)
	if w.Rand.IntN(10) == 0 {
		w.After(w.UpTo(time.Second), q.cancel)
	}
}

// dispatch puts a request on a channel, or where it waits for one.
func (l *peer) dispatch(q *call) {
	for tries := 0; ; tries++ {
		if tries > 20 {
			l.p.w.broken("request %d finds no channel and no end", q.number)
			return
		}
		if q.ended > 0 && l.p.w.v != MoveHandedOut {
			return
		}
		if c := l.pick(q.class); c != nil {
			switch err := c.send(q); {
			case err == nil:
				return
			case err == errGone:
				l.m.Doomed(c.id)
				continue
			case q.moves > 0:
				out, _, err := l.m.Again(nil, l.p.w.Now, q.asks())
				l.settle(q, out, false, err)
				return
			default:
				q.fail(err)
				return
			}
		}
		out, waits, err := l.m.Submit(nil, l.p.w.Now, q.asks())
		if l.settle(q, out, waits, err); waits || err != nil {
			return
		}
	}
}

// settle carries out what the machine said of one request.
func (l *peer) settle(q *call, out []link.Effect, waits bool, err error) {
	if waits {
		l.p.w.counts.Waited++
	}
	l.carryOut(out)
	if err != nil {
		q.fail(err)
	}
	l.arm()
}

func (q *call) asks() link.Request {
	return link.Request{Ref: q, Class: q.class, Fixed: q.fixed, Moves: q.moves, Since: q.since}
}

// pick is any channel that takes requests.
func (l *peer) pick(class foci.Class) *conn {
	var open []*conn
	for i := range l.m.Slots(class) {
		if id := l.m.Open(link.Slot{Class: class, Index: i}); id != 0 {
			c := l.conns[id]
			if c == nil {
				l.p.w.broken("the machine believes in channel %d, which there is not", id)
				return nil
			}
			open = append(open, c)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[l.p.w.Rand.IntN(len(open))]
}

// send puts a request on a channel, piece by piece.
func (c *conn) send(q *call) error {
	if c.closed || c.draining {
		return errGone
	}
	if len(c.calls) >= streams {
		return errFull
	}
	c.next++
	id := c.next
	c.calls[id] = q
	q.on, q.id, q.got = c, id, 0
	if q.sent++; q.sent > 1 && q.fixed {
		c.w.broken("request %d must not be sent twice, and was", q.number)
	}
	if q.sent > maxMoves+1 {
		c.w.broken("request %d was sent %d times", q.number, q.sent)
	}
	c.w.counts.Moved += count(q.sent > 1)
	for n := range q.pieces {
		c.serve(func() {
			switch {
			case q.poison:
				c.w.counts.Poisoned++
				c.reset()
			case c.maybeBreak(&c.w.counts.MidBody):
			case n == q.pieces-1:
				c.execute(q, id)
			}
		})
	}
	return nil
}

// execute is done by the server when all of the request is there.
func (c *conn) execute(q *call, id uint32) {
	if q.executed++; q.executed > 1 {
		c.w.counts.Twice++
	}
	gen, answer := c.to.gen, q.number
	c.w.After(c.w.UpTo(30*time.Millisecond), func() {
		if c.to.gen != gen || c.broken {
			return
		}
		for range q.parts {
			c.tell(func() { c.part(id, answer) })
			c.maybeBreak(&c.w.counts.MidBody)
		}
	})
}

// part is a piece of a reply, at the client.
func (c *conn) part(id uint32, answer int) {
	q := c.calls[id]
	if q == nil {
		return
	}
	if answer != q.number {
		c.w.broken("request %d got the answer of request %d", q.number, answer)
	}
	q.got++
	handed := q.stream && q.got == 1
	if handed {
		c.w.counts.HandedOut++
	}
	if handed && c.w.v != MoveHandedOut || q.got == q.parts {
		delete(c.calls, id)
	}
	if handed || q.got == q.parts && !q.stream {
		q.end(nil)
	}
}

// orphaned asks what becomes of a request whose channel was lost.
func (l *peer) orphaned(q *call, c *conn, why error) {
	w := l.p.w
	if q.ended > 0 && w.v != MoveHandedOut || l.dead {
		return
	}
	spared := l.hasOpen(c.inc, q.class)
	any := l.hasOpen(c.inc, foci.NumClasses)
	out, waits, err := l.m.Move(nil, w.Now, q.asks(), c.inc, why)
	switch {
	case err == nil:
		q.moves++
		w.counts.Spared++
	case !w.linked && !q.fixed && any && q.moves < maxMoves:
		w.broken("request %d failed although channels were open: %v", q.number, err)
	}
	if waits && spared {
		w.broken("request %d waits although a sibling was open", q.number)
	}
	if l.settle(q, out, waits, err); err == nil && !waits {
		l.dispatch(q)
	}
}

// hasOpen reports whether a channel of a class, or of any, to an incarnation
// takes requests.
func (l *peer) hasOpen(inc foci.Incarnation, class foci.Class) bool {
	for _, c := range l.conns {
		if c.usable() && !c.closed && c.inc == inc && (class == foci.NumClasses || c.where.Class == class) {
			return true
		}
	}
	return false
}

func (q *call) cancel() {
	if q.ended > 0 || q.l.dead {
		return
	}
	if c := q.on; c != nil && c.calls[q.id] == q {
		delete(c.calls, q.id)
	}
	q.l.p.w.counts.Canceled++
	q.end(errEnd)
}

func (q *call) fail(err error) {
	if q.ended == 0 || foci.KindOf(err) != foci.Unreachable { // a canceled one may come back from where it waited
		q.end(err)
	}
}

// end is Done.
func (q *call) end(err error) {
	w := q.l.p.w
	if q.l.dead {
		return
	}
	if q.ended++; q.ended > 1 {
		w.broken("request %d ended twice, the second time with %v", q.number, err)
		return
	}
	if err == nil {
		w.counts.Answered++
		if q.executed == 0 {
			w.broken("request %d was answered and never executed", q.number)
		}
		return
	}
	w.counts.Failed++
	switch k := foci.KindOf(err); {
	case k != foci.Unreachable && k != foci.Busy && k != foci.Canceled:
		w.broken("request %d failed with %v", q.number, err)
	case len(err.Error()) < 10:
		w.broken("request %d failed with %q, which says nothing", q.number, err)
	}
}
