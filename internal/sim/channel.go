package sim

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
)

// link is a client's channels to one node. They fail alone, or all at once
// when the node or the way to it does; then the peer is down until one of them
// is dialled again.
type link struct {
	*carrier
	to       *node
	channels []*channel
	open     int
}

// channel is one connection. It takes a while until the client notices that it
// is broken; what it sends meanwhile is lost.
type channel struct {
	link   *link
	place  int // in the link
	id     txn.Channel
	broken bool
	closed bool      // and the client knows it
	sent   []sending // and not answered, in order
}

// sending is one attempt of one leg.
type sending struct {
	leg     txn.LegID
	attempt uint32
}

const channelsPerLink = 3

func newLink(c *carrier, to *node) *link {
	l := &link{carrier: c, to: to}
	for i := range channelsPerLink {
		l.channels = append(l.channels, &channel{link: l, place: i, closed: true, broken: true})
		l.dial(i)
	}
	return l
}

// dial opens a channel as soon as the node can be reached both ways.
func (l *link) dial(i int) {
	l.after(l.between(time.Millisecond, 60*time.Millisecond), func() {
		there, back := [2]endpoint{l.at, l.to.at}, [2]endpoint{l.to.at, l.at}
		switch {
		case l.gone:
		case !l.to.up || l.cut[there] || l.cut[back]:
			l.dial(i)
		default:
			l.made++
			l.channels[i] = &channel{link: l, place: i, id: l.made}
			if l.open++; l.open == 1 {
				l.do(l.machine.PeerUp(nil, l.now, l.to.id()))
			}
		}
	})
}

// send takes an attempt on a channel, another one than the last if there is.
func (l *link) send(e *txn.Effect, m wire.Message, late bool) {
	var usable []*channel
	for _, ch := range l.channels {
		if !ch.closed && (ch.id != e.Avoid || l.open == 1) {
			usable = append(usable, ch)
		}
	}
	switch {
	case len(usable) == 0:
		l.fail(sending{e.Leg, e.Attempt}, foci.Away, 0)
	case l.chance(l.full):
		l.fail(sending{e.Leg, e.Attempt}, foci.Busy, l.between(0, 20*time.Millisecond))
	default:
		usable[l.rng.IntN(len(usable))].carry(sending{e.Leg, e.Attempt}, m, late)
	}
}

func (l *link) fail(s sending, k foci.Kind, retry time.Duration) {
	err := &foci.Error{Kind: k, Msg: "not sent", RetryAfter: retry}
	l.after(0, func() { l.do(l.machine.Failed(nil, l.now, s.leg, s.attempt, err)) })
}

// carry sends a message and brings back its answer. A request that was on its
// way when the channel broke may have got through; an answer does not.
func (ch *channel) carry(s sending, m wire.Message, late bool) {
	l := ch.link
	ch.sent = append(ch.sent, s)
	l.machine.Sent(s.leg, s.attempt, ch.id, 0)
	arrive := func() {
		if ch.broken && l.chance(0.5) {
			l.lost++
			return
		}
		l.to.handle(m, func(a quorum.Answer) {
			l.network.send(l.to.at, l.at, func() { ch.answer(s, a) })
		})
	}
	send := func() { l.network.send(l.at, l.to.at, arrive) }
	if late && !l.over {
		l.to.hold(send)
		return
	}
	l.after(l.held(m), send)
}

// held is how long a message waits in a queue before it is sent: now and then
// a record does for so long that its object is removed meanwhile, or what it
// repairs is.
func (l *link) held(m wire.Message) time.Duration {
	s, ok := m.(*wire.Store)
	switch {
	case !ok || l.over:
	case s.Repair && l.chance(0.2), l.chance(0.04):
		return l.between(0, time.Second)
	}
	return 0
}

func (ch *channel) answer(s sending, a quorum.Answer) {
	if ch.broken || ch.link.gone {
		ch.link.lost++
		return
	}
	if i := slices.Index(ch.sent, s); i >= 0 {
		ch.sent = slices.Delete(ch.sent, i, i+1)
	}
	ch.link.heard(s.leg, s.attempt, a)
}

// reset breaks the channel; the client notices within a while.
func (ch *channel) reset(within time.Duration) {
	if ch.broken {
		return
	}
	ch.broken = true
	ch.link.Resets++
	ch.link.after(ch.link.between(0, within), ch.lose)
}

// lose is when the client notices: everything unanswered on the channel has
// failed, and with the last channel the peer is away.
func (ch *channel) lose() {
	l := ch.link
	if l.gone {
		return
	}
	ch.closed = true
	l.open--
	var out []txn.Effect
	if l.open == 0 {
		out = l.machine.PeerDown(out, l.now, l.to.id())
	}
	for _, s := range ch.sent {
		out = l.machine.Failed(out, l.now, s.leg, s.attempt, foci.Errorf(foci.Closed, "the channel is lost"))
	}
	ch.sent = nil
	l.do(out)
	l.dial(ch.place)
}

// reset breaks every channel of the link.
func (l *link) reset(within time.Duration) {
	for _, ch := range l.channels {
		ch.reset(within)
	}
}
