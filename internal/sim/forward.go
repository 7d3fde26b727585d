package sim

import (
	"errors"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/sim/engine"
)

// saidBy is an error that a node answered, with its author: a forwarder passes
// an owner's errors on as they are.
type saidBy struct {
	at  engine.Endpoint
	err error
}

func (s *saidBy) Error() string { return s.err.Error() }
func (s *saidBy) Unwrap() error { return s.err }

// way is the way to a node, as a peer's is: direct when a channel is open, else
// by a forwarder when there is one.
func (c *carrier) way(to *node) (txn.Hop, error) {
	id := to.id()
	l := c.links[to.at]
	if to.at == c.at || l != nil && l.open > 0 {
		return txn.Hop{Peer: id}, nil
	}
	d := c.detours.Find(id, c.Now, true)
	switch {
	case d.Is == route.BridgeUp:
		return txn.Hop{Peer: id, Via: d.Via}, nil
	case d.Is == route.BridgeAway:
		return txn.Hop{Peer: id}, &foci.Error{Kind: foci.Unreachable, Msg: "no channel to it, nor to a node with a way to it", RetryAfter: d.After}
	case l != nil:
		return txn.Hop{Peer: id}, nil // it waits there for the link
	}
	return txn.Hop{}, route.Bridgeless(id, c.Tables[c.at], d.Tables)
}

// candidates are who may forward to a node.
func (c *carrier) candidates(id foci.NodeID) ([]foci.Table, []route.Forwarder) {
	to := nodeOf(id)
	var all []route.Forwarder
	for _, l := range c.links {
		if l != nil && l.to.at != to && l.to.at != c.at {
			all = append(all, route.Forwarder{Node: l.to.id(), Tables: c.Tables[l.to.at], Up: l.open > 0, Load: l.load()})
		}
	}
	return c.Tables[to], all
}

// cameUp is when the first channel to a node is open.
func (c *carrier) cameUp(n *node) {
	c.detours.Came(n.id())
	// Those that wait for others may go by this one.
	c.do(c.machine.RouteChanged(c.machine.PeerUp(nil, c.Now, n.id()), c.Now))
	if c.host != nil {
		c.host.tell(n)
	}
}

// wentDown is when the last channel to a node is lost.
func (c *carrier) wentDown(n *node) {
	c.detours.Changed()
	c.do(c.machine.PeerDown(nil, c.Now, n.id()))
}

// rerouted lets legs that have no way look for one again.
func (c *carrier) rerouted() {
	c.detours.Changed()
	c.do(c.machine.RouteChanged(nil, c.Now))
}

// tell has those who have a channel to the node hear that another one is up;
// not all do.
func (n *node) tell(up *node) {
	for _, cl := range n.clients {
		c := cl.carrier
		if l := c.links[n.at]; l == nil || l.open == 0 || n.Chance(0.3) {
			continue
		}
		n.After(n.Between(time.Millisecond, 50*time.Millisecond), func() {
			if !c.gone && c.detours.Back(up.id()) {
				c.rerouted()
			}
		})
	}
}

// judged takes note of what an answer says of the relay by which it came, and
// what the relay's own errors mean for the request.
func (c *carrier) judged(via, to foci.NodeID, d *txn.Delivery) {
	word := route.HasWay
	var s *saidBy
	switch {
	case d.Err == nil:
	case !errors.As(d.Err, &s):
		word = route.Nothing
	case s.at == nodeOf(via):
		var means foci.Kind
		word, means = route.Heard(foci.KindOf(d.Err))
		d.Relayed = true
		switch means {
		case foci.Unreachable:
			d.Fate = txn.Lost
		case foci.NoRoute:
			d.Fate = txn.NotSent
		}
	}
	if c.detours.Answered(via, to, word, c.Now) {
		c.rerouted()
	}
}

// receive takes what has come in for the node, or for one behind it.
func (n *node) receive(from *client, p *parcel, reply func(quorum.Answer)) {
	if p.to != n {
		n.forward(from, p, reply)
		return
	}
	n.handle(p.msg, func(a quorum.Answer) { reply(n.signed(a)) })
}

// signed names the node as an error's author.
func (n *node) signed(a quorum.Answer) quorum.Answer {
	if a.Err != nil {
		a.Err = &saidBy{n.at, a.Err}
	}
	return a
}

// forward passes a request on by a channel of the node's own, and the answer
// back, by the rules of the mesh's relay: NoRoute and Busy when nothing was
// sent, Unreachable when the owner or its answer was lost.
func (n *node) forward(from *client, p *parcel, reply func(quorum.Answer)) {
	if !n.up {
		return
	}
	l := n.hints.client.carrier.links[p.to.at]
	switch {
	case l == nil || l.open == 0:
		n.decline(reply, foci.NoRoute, 0)
		return
	case n.Chance(n.busy):
		n.decline(reply, foci.Busy, n.Between(0, 50*time.Millisecond))
		return
	}
	n.Forwarded++
	r := &relay{node: n, link: l, reply: reply}
	r.onward = parcel{msg: p.msg, to: p.to, taken: func(*channel) { r.sent = true }, over: r.over}
	l.send(&r.onward)
	if s, ok := p.msg.(*wire.Store); ok && n.mutant == ForwarderAcks {
		reply(quorum.Answer{Msg: &wire.StoreReply{Epoch: s.Epoch, Clock: n.wall()}})
	}
	if n.Chance(n.treason) && !n.cluster.over {
		n.After(n.Between(0, 5*time.Millisecond), func() { n.betray(from) })
	}
}

// decline says that a request was not passed on.
func (n *node) decline(reply func(quorum.Answer), k foci.Kind, retry time.Duration) {
	n.Declined++
	reply(n.signed(quorum.Answer{Err: &foci.Error{Kind: k, Msg: "not passed on", RetryAfter: retry}}))
}

// betray is what ends a forwarder in the middle of a request: it crashes, or is
// cut off from who asked when the owner has it already.
func (n *node) betray(from *client) {
	if n.Chance(0.5) {
		n.crashFor(n, n.unsyncedKept(), n.Between(10*time.Millisecond, time.Second))
		return
	}
	n.cutOff([]pair{{from, n}}, n.Chance(0.5), true, time.Second)
}

// relay is a request that is passed on.
type relay struct {
	*node
	link   *link
	onward parcel
	sent   bool // some of it may have arrived
	reply  func(quorum.Answer)
}

// over is what became of it.
func (r *relay) over(a quorum.Answer) {
	var s *saidBy
	switch {
	case r.link.gone: // and this process with it
	case a.Err == nil || errors.As(a.Err, &s) && !r.onward.moved:
		r.reply(a)
	case !r.sent && foci.KindOf(a.Err) == foci.Busy:
		r.decline(r.reply, foci.Busy, 0)
	case !r.sent:
		r.decline(r.reply, foci.NoRoute, 0)
	case foci.KindOf(a.Err) == foci.Closed && r.link.open > 0 && r.Chance(0.5):
		r.onward.moved = r.mutant != MovedIsOnce
		r.link.send(&r.onward) // to a sibling
	default:
		k := foci.Unreachable
		if r.mutant == LossIsRefusal {
			k = foci.NoRoute
		}
		r.reply(r.signed(quorum.Answer{Err: &foci.Error{Kind: k, Msg: "lost while it was passed on"}}))
	}
}
