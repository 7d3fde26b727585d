package sim

import (
	"errors"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/core/path"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/sim/engine"
	"github.com/foci-store/foci/internal/sim/mesh"
)

// carrier is one life of a client's transaction machine, and the shell around
// it: it brings questions to nodes and answers back over the process's links.
type carrier struct {
	*client
	machine *txn.Machine
	paths   *path.Machine
	wake    time.Duration // when the machine is ticked next; 0: not at all
	gone    bool          // the process has ended
}

// question is a leg's message and who waits for its answer.
type question struct {
	msg    codec.Message
	late   bool // it is kept back until something is destroyed where it goes
	answer func(quorum.Answer)
	sent   []*mesh.Request
}

// parcel is a message in a request.
type parcel struct {
	from *client
	msg  codec.Message
	to   *node // when that is not where the link leads, it is relayed from there
}

func newCarrier(c *client) *carrier {
	r := &carrier{client: c}
	r.paths = path.New(path.Config{Self: idOf(c.at), Network: network{r}, Rand: c.Rand.Uint64})
	for _, n := range c.nodes {
		if n.at != c.at && len(c.Shared(c.at, n.at)) > 0 {
			r.paths.Linked(n.id())
		}
	}
	r.machine = txn.New(txn.Config{
		Route: r.route, MaxLegs: 400, Stall: 200 * time.Millisecond, Growth: -1, // it wants many copies in little time
		Resends: 5, AskAbove: 1, // payloads are small here, and Have is to be asked all the same
	})
	c.proc.Changed = func(to engine.Endpoint, up bool) {
		if up {
			r.cameUp(c.nodes[to])
		} else {
			r.wentDown(c.nodes[to])
		}
	}
	if c.host != nil { // it reaches itself
		r.machine.PeerUp(nil, c.Now, c.host.id())
	}
	return r
}

// route finds the owner of a group in the layout that the client knows now.
func (c *carrier) route(t txn.Target) (txn.Hop, error) {
	to, ok := c.layouts[c.epoch][t.Group]
	if !ok {
		return txn.Hop{}, foci.Errorf(foci.NoRoute, "no group %d", t.Group)
	}
	p, err := c.paths.Find(c.nodes[to].id(), foci.Reg, c.Now)
	return txn.Hop{Peer: p.Node, Via: p.Relay}, err
}

// ask submits one question; done is called once, unless the client leaves.
func (c *carrier) ask(g foci.Group, m codec.Message, late bool, deadline time.Duration, done func(quorum.Answer)) {
	store, mutation := m.(*wire.Store)
	leg := txn.Leg{
		Target: txn.Target{Group: g}, Class: foci.Reg, Mutation: mutation, CanAsk: true,
		Deadline: deadline, Ref: &question{msg: m, late: late, answer: done},
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
			c.transmit(e, q, q.msg, q.late)
		case txn.Ask:
			s := q.msg.(*wire.Store)
			c.transmit(e, q, &wire.Have{Target: s.Target, ID: s.Record.ID, Version: s.Record.Version, Hash: s.Record.Hash}, false)
		case txn.Finish:
			for _, r := range q.sent {
				r.Cancel()
			}
			q.answer(c.outcome(q.msg, &e.Outcome))
		}
	}
	c.schedule()
}

// transmit gives an attempt to the link that its path begins with.
func (c *carrier) transmit(e *txn.Effect, q *question, m codec.Message, late bool) {
	leg, attempt, peer, via := e.Leg, e.Attempt, e.Peer, e.Via
	first, to := nodeOf(peer), c.nodes[nodeOf(peer)]
	if !via.IsZero() {
		first = nodeOf(via)
	}
	r := &mesh.Request{
		Class: e.Class, Avoid: link.Conn(e.Avoid), Payload: &parcel{c.client, m, to}, Hold: c.held(m, to, late),
		Accepted: func(ch link.Conn, t foci.Table) { c.machine.Sent(leg, attempt, txn.Channel(ch), t) },
	}
	r.Done = func(answer any, err error) {
		d := c.delivery(r, answer, err)
		if !via.IsZero() {
			c.judged(via, peer, &d)
		}
		c.heard(leg, attempt, &d)
	}
	q.sent = append(q.sent, r)
	c.proc.Send(first, r)
}

// held is how long a message waits in a queue before it is sent, if it does:
// now and then a record waits for so long that its object is removed meanwhile,
// or what it repairs is.
func (c *carrier) held(m codec.Message, to *node, late bool) func(send func()) {
	if c.over {
		return nil
	}
	if late {
		return to.hold
	}
	if s, ok := m.(*wire.Store); ok && (s.Repair && c.Chance(0.2) || c.Chance(0.04)) {
		return func(send func()) { c.After(c.Between(0, time.Second), send) }
	}
	return nil
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

// delivery is what became of an attempt.
func (c *carrier) delivery(r *mesh.Request, answer any, err error) txn.Delivery {
	a, answered := answer.(quorum.Answer)
	d := txn.Delivery{Fate: txn.Answered, Msg: a.Msg, Body: a.Body, Err: a.Err}
	var stale staleEpoch
	switch {
	case answered && a.Err == nil:
	case answered:
		d.Fate = txn.Refused
		if errors.As(a.Err, &stale) {
			d.Epoch = foci.Epoch(stale)
		}
	case r.Sent():
		d.Fate, d.Err = txn.Lost, err
	default:
		d.Fate, d.Err = txn.NotSent, err
	}
	d.Moved = d.Err != nil && r.Moved() && c.mutant != MovedIsOnce
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
	c.proc.Crash()
	c.do(c.machine.Close(nil, c.Now))
}

// staleEpoch is the cause of an error of kind StaleLayout: the replica's epoch.
type staleEpoch foci.Epoch

func (staleEpoch) Error() string { return "newer layout" }

// id is the node's identity; nodeOf is its inverse.
func (n *node) id() foci.NodeID { return idOf(n.at) }

func idOf(at engine.Endpoint) foci.NodeID { return foci.NodeID{byte(at) + 1} }

func nodeOf(id foci.NodeID) engine.Endpoint { return engine.Endpoint(id[0]) - 1 }
