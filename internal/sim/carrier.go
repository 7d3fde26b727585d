package sim

import (
	"errors"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/sim/engine"
)

// carrier is one life of a client's transaction machine, and the shell around
// it: it brings questions to nodes and answers back over channels that fail.
type carrier struct {
	*client
	machine *txn.Machine
	links   []*link // by node; nil where no table leads
	detours *route.Detours
	wake    time.Duration // when the machine is ticked next; 0: not at all
	made    txn.Channel   // channels so far
	gone    bool          // the process has ended
}

// question is a leg's message and who waits for its answer.
type question struct {
	msg    codec.Message
	late   bool // it is kept back until something is destroyed where it goes
	answer func(quorum.Answer)
}

func newCarrier(c *client) *carrier {
	r := &carrier{client: c}
	r.detours = route.NewDetours(r.candidates, c.Rand.Uint64)
	r.machine = txn.New(txn.Config{
		Route: r.route, MaxLegs: 400, Stall: 200 * time.Millisecond, Growth: -1, // it wants many copies in little time
		Resends: 5, AskAbove: 1, // payloads are small here, and Have is to be asked all the same
	})
	for _, n := range c.nodes {
		r.links = append(r.links, newLink(r, n))
	}
	return r
}

// route finds the owner of a group in the layout that the client knows now.
func (c *carrier) route(t txn.Target) (txn.Hop, error) {
	to, ok := c.layouts[c.epoch][t.Group]
	if !ok {
		return txn.Hop{}, foci.Errorf(foci.NoRoute, "no group %d", t.Group)
	}
	return c.way(c.nodes[to])
}

// ask submits one question; done is called once, unless the client leaves.
func (c *carrier) ask(g foci.Group, m codec.Message, late bool, deadline time.Duration, done func(quorum.Answer)) {
	store, mutation := m.(*wire.Store)
	leg := txn.Leg{
		Target: txn.Target{Group: g}, Class: foci.Reg, Mutation: mutation, CanAsk: true,
		Deadline: deadline, Ref: &question{m, late, done},
	}
	if mutation {
		leg.Size = 2 + int(store.Record.Length)
	}
	if late {
		leg.Stall = 2 * time.Second
	}
	out, _, err := c.machine.Submit(nil, c.Now, leg)
	if err != nil {
		c.After(0, func() { done(quorum.Answer{Err: err}) })
		return
	}
	c.do(out)
}

// do carries effects out and sees to the next tick.
func (c *carrier) do(out []txn.Effect) {
	for i := range out {
		e := &out[i]
		q := e.Ref.(*question)
		switch e.Do {
		case txn.Transmit:
			c.transmit(e, q.msg, q.late)
		case txn.Ask:
			s := q.msg.(*wire.Store)
			c.transmit(e, &wire.Have{Target: s.Target, ID: s.Record.ID, Version: s.Record.Version, Hash: s.Record.Hash}, false)
		case txn.Finish:
			q.answer(c.outcome(q.msg, &e.Outcome))
		}
	}
	c.schedule()
}

// transmit gives an attempt to the link that its way begins with.
func (c *carrier) transmit(e *txn.Effect, m codec.Message, late bool) {
	leg, attempt, peer, via := e.Leg, e.Attempt, e.Peer, e.Via
	first := peer
	if !via.IsZero() {
		first = via
	}
	p := &parcel{
		msg: m, to: c.nodes[nodeOf(peer)], avoid: e.Avoid, late: late,
		taken: func(ch *channel) { c.machine.Sent(leg, attempt, ch.id, ch.path.Table) },
	}
	p.over = func(a quorum.Answer) {
		d := delivery(a)
		d.Moved = p.moved && a.Err != nil
		if !via.IsZero() {
			c.judged(via, peer, &d)
		}
		c.heard(leg, attempt, &d)
	}
	c.links[nodeOf(first)].send(p)
}

func (c *carrier) schedule() {
	due, ok := c.machine.NextWake()
	if !ok || c.wake != 0 && c.wake <= due {
		return
	}
	c.wake = due
	c.After(due-c.Now, func() {
		if c.wake == due {
			c.wake = 0
			c.do(c.machine.Tick(nil, c.Now))
		}
	})
}

// outcome is what a leg's end means to the operation.
func (c *carrier) outcome(asked codec.Message, o *txn.Outcome) quorum.Answer {
	switch {
	case o.Stored:
		// A node answers Have in its own epoch only, so it is the question's.
		return quorum.Answer{Msg: &wire.StoreReply{Epoch: target(asked).Epoch}}
	case o.Err != nil:
		if s, ok := asked.(*wire.Store); ok && !o.MayApply {
			c.denied = append(c.denied, s)
		}
		return quorum.Answer{Err: o.Err, Epoch: o.Epoch, Stray: o.MayApply && c.mutant != ForgetAttempts}
	}
	return quorum.Answer{Msg: o.Msg, Body: o.Body}
}

// delivery is what a link says of an attempt.
func delivery(a quorum.Answer) txn.Delivery {
	d := txn.Delivery{Fate: txn.Answered, Msg: a.Msg, Body: a.Body, Err: a.Err}
	var s *saidBy
	var stale staleEpoch
	switch {
	case a.Err == nil:
	case errors.As(a.Err, &s):
		d.Fate = txn.Refused
		if errors.As(a.Err, &stale) {
			d.Epoch = foci.Epoch(stale)
		}
	case foci.KindOf(a.Err) == foci.Closed:
		d.Fate = txn.Lost
	default:
		d.Fate = txn.NotSent
	}
	return d
}

// heard takes what became of an attempt.
func (c *carrier) heard(leg txn.LegID, attempt uint32, d *txn.Delivery) {
	if m, ok := d.Msg.(*wire.HaveReply); ok {
		c.Asked++
		if m.State == wire.HaveStored {
			c.Found++
		}
	}
	c.do(c.machine.Delivered(nil, c.Now, leg, attempt, d))
}

// leave ends the process: nothing is resent any more. What is on its way may
// arrive, or not.
func (c *carrier) leave() {
	c.gone = true
	for _, l := range c.links {
		if l == nil {
			continue
		}
		for _, ch := range l.channels {
			ch.broken = ch.broken || c.Chance(0.5)
		}
	}
	c.do(c.machine.Close(nil, c.Now))
}

// staleEpoch is the cause of an error of kind StaleLayout: the replica's epoch.
type staleEpoch foci.Epoch

func (staleEpoch) Error() string { return "newer layout" }

// id is the node's identity; nodeOf is its inverse.
func (n *node) id() foci.NodeID { return foci.NodeID{byte(n.at) + 1} }

func nodeOf(id foci.NodeID) engine.Endpoint { return engine.Endpoint(id[0]) - 1 }
