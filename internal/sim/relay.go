package sim

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/sim/engine"
	"github.com/foci-store/foci/internal/sim/mesh"
)

// authoredError is an error reply with the node that made it: a relay passes an owner's
// errors on unchanged.
type authoredError struct {
	at  engine.Endpoint
	err error
}

func (s *authoredError) Error() string { return s.err.Error() }
func (s *authoredError) Unwrap() error { return s.err }

// receive takes a request for the node, or for a node that it relays to.
func (n *node) receive(p *parcel, reply func(quorum.Answer)) {
	if p.to != n {
		n.forward(p, reply)
		return
	}
	n.handle(p.msg, func(a quorum.Answer) { reply(n.signed(a)) })
}

// signed names the node as an error's author.
func (n *node) signed(a quorum.Answer) quorum.Answer {
	if a.Err != nil {
		a.Err = &authoredError{n.at, a.Err}
	}
	return a
}

// forward relays a request over the node's own channel, and the answer back, by the
// rules of the mesh's relay: NoRoute and Busy when nothing was sent, Unreachable
// when the owner or its answer was lost.
func (n *node) forward(p *parcel, reply func(quorum.Answer)) {
	if !n.up {
		return
	}
	switch {
	case !n.proc.Link(p.to.at).IsUp():
		n.decline(reply, foci.NoRoute, 0)
		return
	case n.Chance(n.busy):
		n.decline(reply, foci.Busy, n.Between(0, 50*time.Millisecond))
		return
	}
	n.Relayed++
	r := &relay{node: n, reply: reply}
	r.onward = mesh.Request{Class: foci.Reg, Payload: p, Done: r.finish}
	n.proc.Send(p.to.at, &r.onward)
	n.After(relayPatience, r.onward.Cancel)
	if s, ok := p.msg.(*wire.Store); ok && n.mutant == RelayAcks {
		reply(quorum.Answer{Msg: &wire.StoreReply{Epoch: s.Epoch, Clock: n.wall()}})
	}
	if n.Chance(n.treason) && !n.cluster.over {
		n.After(n.Between(0, 5*time.Millisecond), func() { n.betray(p.from) })
	}
}

// relayPatience is how long a relay waits for an answer.
const relayPatience = time.Second

// decline answers that a request was not relayed.
func (n *node) decline(reply func(quorum.Answer), k foci.Kind, retry time.Duration) {
	n.Declined++
	reply(n.signed(quorum.Answer{Err: &foci.Error{Kind: k, Msg: "not passed on", RetryAfter: retry}}))
}

// betray breaks a relay in the middle of a request: the relay crashes, or is cut off
// from the client after the owner has received the request.
func (n *node) betray(from *client) {
	if n.Chance(0.5) {
		n.crashFor(n, n.unsyncedKept(), n.Between(10*time.Millisecond, time.Second))
		return
	}
	n.cutOff([]pair{{from, n}}, n.Chance(0.5), true, time.Second)
}

// relay is a request that is being relayed.
type relay struct {
	*node
	onward mesh.Request
	reply  func(quorum.Answer)
}

// finish answers the request with its outcome.
func (r *relay) finish(answer any, err error) {
	a, answered := answer.(quorum.Answer)
	moved := r.onward.Moved() && r.mutant != MovedIsOnce
	switch {
	case answered && (a.Err == nil || !moved):
		r.reply(a)
	case !r.onward.Sent() && foci.KindOf(err) == foci.Busy:
		r.decline(r.reply, foci.Busy, 0)
	case !r.onward.Sent():
		r.decline(r.reply, foci.NoRoute, 0)
	default:
		k := foci.Unreachable
		if r.mutant == LossIsRefusal {
			k = foci.NoRoute
		}
		r.reply(r.signed(quorum.Answer{Err: &foci.Error{Kind: k, Msg: "lost while it was passed on"}}))
	}
}
