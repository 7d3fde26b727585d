package sim

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/sim/engine"
)

// link is a process's channels to one node. They fail alone, or all at once
// when the node or the way to it does; then the peer is down until one of them
// is dialled again.
type link struct {
	*carrier
	to       *node
	tables   []foci.Table // that both have
	channels []*channel
	open     int
}

// channel is one connection. It takes a while until it is noticed that it is
// broken; what is sent on it meanwhile is lost.
type channel struct {
	link   *link
	place  int // in the link
	id     txn.Channel
	path   engine.Path
	broken bool
	closed bool      // and the process knows it
	sent   []*parcel // and not answered, in order
}

// parcel is a request on its way by a link.
type parcel struct {
	msg   codec.Message
	to    *node       // when that is not where the link leads, it is passed on from there
	avoid txn.Channel // another one is better
	late  bool        // it is kept back until something is destroyed where it goes
	moved bool        // it was sent more than once: a link does so when a channel is lost
	taken func(*channel)
	// over is told of each answer, and of errors of this end: Unreachable and Busy when
	// it was not taken, Closed when its channel was lost.
	over func(quorum.Answer)
}

const channelsPerLink = 3

// newLink makes the channels to a node; nil when no table leads there.
func newLink(c *carrier, to *node) *link {
	l := &link{carrier: c, to: to, tables: c.Shared(c.at, to.at)}
	if len(l.tables) == 0 {
		return nil
	}
	for i := range channelsPerLink {
		l.channels = append(l.channels, &channel{link: l, place: i, closed: true, broken: true})
		l.dial(i)
	}
	return l
}

// dial opens a channel as soon as the node can be reached both ways, by
// whichever table.
func (l *link) dial(i int) {
	l.After(l.Between(time.Millisecond, 60*time.Millisecond), func() {
		p := engine.Path{From: l.at, To: l.to.at, Table: l.tables[l.Rand.IntN(len(l.tables))]}
		switch {
		case l.gone:
		case !l.to.up || l.IsCut(p) || l.IsCut(p.Back()):
			l.dial(i)
		default:
			l.made++
			l.channels[i] = &channel{link: l, place: i, id: l.made, path: p}
			if l.open++; l.open == 1 {
				l.cameUp(l.to)
			}
		}
	})
}

// send takes a parcel on a channel, another one than the last if there is.
func (l *link) send(p *parcel) {
	var usable []*channel
	for _, ch := range l.channels {
		if !ch.closed && (ch.id != p.avoid || l.open == 1) {
			usable = append(usable, ch)
		}
	}
	switch {
	case len(usable) == 0:
		l.refuse(p, foci.Unreachable, 0)
	case l.Chance(l.full):
		l.refuse(p, foci.Busy, l.Between(0, 20*time.Millisecond))
	default:
		usable[l.Rand.IntN(len(usable))].carry(p)
	}
}

func (l *link) refuse(p *parcel, k foci.Kind, retry time.Duration) {
	err := &foci.Error{Kind: k, Msg: "not sent", RetryAfter: retry}
	l.After(0, func() { p.over(quorum.Answer{Err: err}) })
}

// load is how much is on its way to the node.
func (l *link) load() (n int64) {
	for _, ch := range l.channels {
		n += int64(len(ch.sent)) << 19
	}
	return n
}

// carry sends a request and brings back its answer. A request that was on its
// way when the channel broke may have got through; an answer does not.
func (ch *channel) carry(p *parcel) {
	l := ch.link
	ch.sent = append(ch.sent, p)
	p.taken(ch)
	arrive := func() {
		if ch.broken && l.Chance(0.5) {
			l.Dropped++
			return
		}
		l.to.receive(l.client, p, func(a quorum.Answer) {
			l.Network.Send(ch.path.Back(), func() { ch.answer(p, a) })
		})
	}
	send := func() {
		if l.Network.Send(ch.path, arrive) {
			p.moved = l.mutant != MovedIsOnce
		}
	}
	if p.late && !l.over {
		p.to.hold(send)
		return
	}
	l.After(l.held(p.msg), send)
}

// held is how long a message waits in a queue before it is sent: now and then
// a record does for so long that its object is removed meanwhile, or what it
// repairs is.
func (l *link) held(m codec.Message) time.Duration {
	s, ok := m.(*wire.Store)
	switch {
	case !ok || l.over:
	case s.Repair && l.Chance(0.2), l.Chance(0.04):
		return l.Between(0, time.Second)
	}
	return 0
}

func (ch *channel) answer(p *parcel, a quorum.Answer) {
	if ch.broken || ch.link.gone {
		ch.link.Dropped++
		return
	}
	if i := slices.Index(ch.sent, p); i >= 0 {
		ch.sent = slices.Delete(ch.sent, i, i+1)
	}
	p.over(a)
}

// reset breaks the channel; it is noticed within a while.
func (ch *channel) reset(within time.Duration) {
	if ch.broken {
		return
	}
	ch.broken = true
	ch.link.Resets++
	ch.link.After(ch.link.Between(0, within), ch.lose)
}

// lose is when it is noticed: everything unanswered on the channel has failed,
// and with the last channel the peer is away.
func (ch *channel) lose() {
	l := ch.link
	if l.gone {
		return
	}
	ch.closed = true
	if l.open--; l.open == 0 {
		l.wentDown(l.to)
	}
	sent := ch.sent
	ch.sent = nil
	for _, p := range sent {
		p.over(quorum.Answer{Err: foci.Errorf(foci.Closed, "the channel is lost")})
	}
	l.dial(ch.place)
}

// reset breaks every channel of the link in some tables.
func (l *link) reset(tables []foci.Table, within time.Duration) {
	if l == nil {
		return
	}
	for _, ch := range l.channels {
		if slices.Contains(tables, ch.path.Table) {
			ch.reset(within)
		}
	}
}
