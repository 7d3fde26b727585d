package mesh

import (
	"errors"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/sim/engine"
)

// streams is how many requests fit on one channel; from widen on, another channel of
// the class is opened.
const (
	streams = 8
	widen   = 3
)

var (
	errClosing  = errors.New("the channel is closing")
	errFull     = &foci.Error{Kind: foci.Busy, Msg: "too many requests on one channel"}
	errCanceled = &foci.Error{Kind: foci.Canceled, Msg: "the caller canceled it"}
	errNoLink   = foci.Errorf(foci.NoRoute, "no link to the node")
)

// Request is one request and its state.
type Request struct {
	Class   foci.Class
	Payload any       // for Serve; nil: a probe, whose answer is its number
	Avoid   link.Conn // the channel to use only if there is no other
	Hold    func(send func())
	// Accepted is called whenever a channel takes the request; it may be nil.
	Accepted func(c link.Conn, t foci.Table)
	// Done is called exactly once, unless the process ends before.
	Done func(answer any, err error)

	// Fields of probes. A probe is lost only with its connection, and arrives in order.
	pieces int  // of the request
	parts  int  // of the reply
	fixed  bool // it must not be sent twice
	stream bool // its reply is handed out with its first part
	poison bool // the server breaks the connection when it receives it

	p        *Process
	l        *Link // nil: to the process itself
	number   int
	doubled  bool // the network may have duplicated it
	moves    int
	since    time.Duration
	sent     int
	executed int
	got      int // parts of the reply, on its present channel
	ended    int
	on       *conn
}

// Sent reports whether a channel accepted it: it may have arrived.
func (q *Request) Sent() bool { return q.sent > 0 }

// Moved reports whether it was sent more than once.
func (q *Request) Moved() bool { return q.sent > 1 || q.doubled }

// Send sends a request to another process, or to this one.
func (p *Process) Send(to engine.Endpoint, q *Request) {
	p.number++
	q.p, q.number = p, p.number
	if to == p.At {
		p.local(q)
		return
	}
	l := p.Link(to)
	if l == nil {
		q.end(nil, errNoLink)
		return
	}
	q.l = l
	l.dispatch(q)
}

// local serves a process's request to itself.
func (p *Process) local(q *Request) {
	if q.sent++; q.Accepted != nil {
		q.Accepted(0, 0)
	}
	p.After(p.UpTo(time.Millisecond), p.During(func() {
		q.executed++
		p.Serve(q.Payload, func(answer any) {
			if q.ended == 0 {
				q.end(answer, nil)
			}
		})
	}))
}

// dispatch puts a request on a channel, or where it waits for one.
func (l *Link) dispatch(q *Request) {
	for tries := 0; ; tries++ {
		if tries > 20 {
			l.broken("request %d finds no channel and no end", q.number)
			return
		}
		if q.ended > 0 && !l.Mutants.MoveHandedOut {
			return
		}
		if c := l.pick(q); c != nil {
			switch err := c.send(q); {
			case err == nil:
				return
			case err == errClosing:
				l.m.Doomed(c.id)
				continue
			case q.moves > 0:
				out, _, err := l.m.Again(nil, l.Now, q.asks())
				l.settle(q, out, false, err)
				return
			default:
				q.fail(err)
				return
			}
		}
		out, waits, err := l.m.Submit(nil, l.Now, q.asks())
		if l.settle(q, out, waits, err); waits || err != nil {
			return
		}
	}
}

// settle carries out the machine's answer about one request.
func (l *Link) settle(q *Request, out []link.Effect, waits bool, err error) {
	if waits {
		l.Waited++
	}
	l.carryOut(out)
	if err != nil {
		q.fail(err)
	}
	l.arm()
}

func (q *Request) asks() link.Request {
	return link.Request{Ref: q, Class: q.Class, Fixed: q.fixed, Moves: q.moves, Since: q.since}
}

// pick returns a random channel that takes requests; the one to avoid only if there
// is no other. When the channel has many requests, another is opened.
func (l *Link) pick(q *Request) *conn {
	var open []*conn
	var avoided *conn
	for i := range l.m.Slots(q.Class) {
		id := l.m.Open(link.Slot{Class: q.Class, Index: i})
		if id == 0 {
			continue
		}
		switch c := l.conn(id); {
		case c == nil:
			l.broken("the machine believes in channel %d, which there is not", id)
			return nil
		case id == q.Avoid:
			avoided = c
		default:
			open = append(open, c)
		}
	}
	if len(open) == 0 {
		return avoided
	}
	c := open[l.Rand.IntN(len(open))]
	if len(c.calls) >= widen {
		l.step(func(out []link.Effect, now time.Duration) []link.Effect { return l.m.Widen(out, now, q.Class) })
	}
	return c
}

// send puts a request on a channel.
func (c *conn) send(q *Request) error {
	switch {
	case c.closed || c.draining:
		return errClosing
	case len(c.calls) >= streams, q.Payload != nil && !c.Healed && c.Chance(c.Full):
		return errFull
	}
	c.calls = append(c.calls, q)
	q.on, q.got = c, 0
	if q.sent++; q.sent > 1 && q.fixed {
		c.Mesh.broken("request %d must not be sent twice, and was", q.number)
	}
	if q.sent > maxMoves+1 {
		c.Mesh.broken("request %d was sent %d times", q.number, q.sent)
	}
	c.Moved += count(q.sent > 1)
	if q.Accepted != nil {
		q.Accepted(c.id, c.path.Table)
	}
	switch {
	case q.Payload == nil:
		c.sendProbe(q)
	case q.Hold != nil:
		q.Hold(func() { c.transmit(q) })
	default:
		c.transmit(q)
	}
	return nil
}

// transmit sends a request of the cluster, which may be lost, duplicated and
// reordered by itself. A request in flight when its connection breaks may arrive; an
// answer does not.
func (c *conn) transmit(q *Request) {
	arrive := func() {
		if c.broken && c.Chance(0.5) {
			c.Dropped++
			return
		}
		q.executed++
		c.to.Serve(q.Payload, func(answer any) {
			c.Network.Send(c.path.Back(), func() {
				if c.broken && !c.Mutants.LateReply || c.l.dead {
					c.Dropped++
					return
				}
				c.hear()
				c.part(q, q.number, answer)
			})
		})
	}
	if c.Network.Send(c.path, arrive) {
		q.doubled = true
	}
}

// part receives a piece of a reply at the client.
func (c *conn) part(q *Request, number int, answer any) {
	if !slices.Contains(c.calls, q) {
		return // the reply is no longer wanted
	}
	if number != q.number {
		c.Mesh.broken("request %d got the answer of request %d", q.number, number)
	}
	q.got++
	handed := q.stream && q.got == 1
	c.HandedOut += count(handed)
	if handed && !c.Mutants.MoveHandedOut || q.got >= q.parts {
		c.forget(q)
	}
	if handed || q.got >= q.parts && !q.stream {
		q.end(answer, nil)
	}
}

func (c *conn) forget(q *Request) {
	c.calls = slices.DeleteFunc(slices.Clone(c.calls), func(o *Request) bool { return o == q })
}

// orphaned lets the machine decide about a request whose channel was lost.
func (l *Link) orphaned(q *Request, c *conn, why error) {
	if q.ended > 0 && !l.Mutants.MoveHandedOut || l.dead {
		return
	}
	spared := l.hasOpen(c.inc, q.Class)
	any := l.hasOpen(c.inc, foci.NumClasses)
	out, waits, err := l.m.Move(nil, l.Now, q.asks(), c.inc, why)
	switch {
	case err == nil:
		q.moves++
		l.Spared++
	case !l.Linked && !q.fixed && any && q.moves < maxMoves:
		l.broken("request %d failed although channels were open: %v", q.number, err)
	}
	if waits && spared {
		l.broken("request %d waits although a sibling was open", q.number)
	}
	if l.settle(q, out, waits, err); err == nil && !waits {
		l.dispatch(q)
	}
}

// Cancel gives up the answer.
func (q *Request) Cancel() {
	if q.ended > 0 || q.p == nil {
		return
	}
	if q.on != nil {
		q.on.forget(q)
	}
	q.p.Canceled++
	q.end(nil, errCanceled)
}

func (q *Request) fail(err error) {
	if q.ended == 0 || foci.KindOf(err) != foci.Unreachable { // a canceled request may still fail where it waited
		q.end(nil, err)
	}
}

// end ends a request, exactly once.
func (q *Request) end(answer any, err error) {
	p := q.p
	if q.l != nil && q.l.dead {
		return
	}
	if q.ended++; q.ended > 1 {
		p.broken("request %d ended twice, the second time with %v", q.number, err)
		return
	}
	if k := foci.KindOf(err); err != nil && k != foci.Unreachable && k != foci.Busy && k != foci.Canceled && k != foci.NoRoute {
		p.broken("request %d failed with %v", q.number, err)
	} else if err != nil && len(err.Error()) < 10 {
		p.broken("request %d failed with %q, which says nothing", q.number, err)
	}
	if err == nil && q.executed == 0 {
		p.broken("request %d was answered and never executed", q.number)
	}
	if q.Done != nil {
		p.After(0, p.During(func() { q.Done(answer, err) }))
	}
}
