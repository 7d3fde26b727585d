package peer

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/peer/path"
)

// leg is one question on its way, from the asker's side.
type leg struct {
	msg    codec.Message
	method wire.Method
	class  foci.Class
	group  foci.Group
	trace  foci.TraceID
	body   []byte
	source *Source       // instead of body
	stall  time.Duration // 0 = the process's
	long   bool          // its body, or that of its answer, may travel for longer than the stall time
	after  bool          // a hint to be kept: it goes on when the caller has been answered
	have   *wire.Have    // how to ask whether it has arrived; nil for queries
	done   func(quorum.Answer)
	id     txn.LegID     // guarded by Peer.mu
	over   chan struct{} // closed when the operation's machine was told of its end; nil: nothing waits; guarded by operation.mu

	// hold and release bracket the time in which the mesh may read body; nil
	// when nobody minds.
	hold, release func()

	mu    sync.Mutex
	ended bool       // the asker has, or is getting, the answer: nothing more is sent
	sent  []*attempt // that the mesh still has
	// newest is the number of the last copy of a question; 0 for a change.
	newest uint32

	movedAt atomic.Int64 // when one of its attempts was seen to move last, on the clock of Peer.now
}

// size is how many bytes its body has.
func (l *leg) size() int64 {
	if l.source != nil {
		return l.source.size
	}
	return int64(len(l.body))
}

// newLeg finds out what kind of question a message is. Its done is to be set.
func newLeg(m codec.Message, class foci.Class) *leg {
	l := &leg{msg: m, class: class}
	if t, aimed := m.(interface{ Aim() *wire.Target }); aimed {
		l.group, l.trace = t.Aim().Group, t.Aim().Trace
	}
	switch m := m.(type) {
	case *wire.Query:
		l.method = wire.MethodQuery
	case *wire.Fetch:
		l.method = wire.MethodFetch
		l.long = m.MaxBytes > short
	case *wire.List:
		l.method = wire.MethodList
		l.long = true
	case *wire.Hint:
		l.method = wire.MethodHint
		l.after = !m.Now
	case *wire.Store:
		l.method = wire.MethodStore
		l.body = m.Record.Payload
		l.long = len(l.body) > short
		l.have = &wire.Have{Target: m.Target, ID: m.Record.ID, Version: m.Record.Version, Hash: m.Record.Hash}
	}
	return l
}

// target is whom the message is for.
func target(m codec.Message) txn.Target {
	switch m := m.(type) {
	case *wire.Query:
		return txn.Target{Group: m.Group, ID: m.ID}
	case *wire.Fetch:
		return txn.Target{Group: m.Group, ID: m.ID}
	case *wire.Store:
		return txn.Target{Group: m.Group, ID: m.Record.ID}
	case *wire.Hint:
		return txn.Target{Group: m.Group, ID: m.ID}
	case *wire.List:
		return txn.Target{Group: m.Group, Backend: m.Backend}
	}
	return txn.Target{}
}

// submission is a leg to be sent by a deadline, with the settings of its
// operation; 0 = those of the process.
type submission struct {
	leg      *leg
	deadline time.Duration
	stall    time.Duration
	resends  int
}

// submit hands legs to the transaction machine and does what it says.
func (p *Peer) submit(subs []submission) {
	type refusal struct {
		leg *leg
		err error
	}
	var refused []refusal
	p.step(func(out []txn.Effect, now time.Duration) []txn.Effect {
		for i := range subs {
			s := &subs[i]
			var err error
			out, s.leg.id, err = p.txns.Submit(out, now, txn.Leg{
				Target: target(s.leg.msg), Class: s.leg.class, Mutation: s.leg.have != nil, CanAsk: s.leg.have != nil,
				Size: int(s.leg.size()), Reread: s.leg.source != nil,
				Deadline: s.deadline, Stall: s.stall, Resends: s.resends, Ref: s.leg,
			})
			if err != nil {
				refused = append(refused, refusal{s.leg, err})
			}
		}
		return out
	})
	for _, r := range refused {
		r.leg.done(quorum.Answer{Err: r.err})
	}
}

// effectBuffers are reused: there is a step for every message.
var effectBuffers = sync.Pool{New: func() any { b := make([]txn.Effect, 0, 16); return &b }}

// step tells the transaction machine something under the lock, and does what
// it says outside of it.
func (p *Peer) step(tell func(out []txn.Effect, now time.Duration) []txn.Effect) {
	buf := effectBuffers.Get().(*[]txn.Effect)
	p.mu.Lock()
	out := tell((*buf)[:0], p.now())
	for i := range out {
		if out[i].Do != txn.Finish {
			// From here on it may arrive, whatever becomes of the sending.
			p.txns.Sent(out[i].Leg, out[i].Attempt, 0, p.paths.Table(first(&out[i]), out[i].Class))
		}
	}
	wake, ok := p.txns.NextWake()
	p.mu.Unlock()
	if ok {
		p.timer.by(wake)
	}
	for i := range out {
		p.carryOut(&out[i])
	}
	clear(out)
	*buf = out
	effectBuffers.Put(buf)
}

// first is the node that an attempt is given to.
func first(e *txn.Effect) foci.NodeID {
	if e.Via.IsZero() {
		return e.Peer
	}
	return e.Via
}

func (p *Peer) carryOut(e *txn.Effect) {
	l := e.Ref.(*leg)
	if e.Do == txn.Finish {
		l.finish(p, &e.Outcome)
		return
	}
	method, msg, body := l.method, l.msg, l.body
	at := &attempt{of: l, leg: e.Leg, number: e.Attempt, peer: e.Peer, via: e.Via}
	asked := e.Do == txn.Ask
	if asked {
		method, msg, body = wire.MethodHave, l.have, nil
	}
	at.req = &mesh.Request{Class: l.class, Method: method, Head: l.head(msg, e), Body: body}
	if l.source != nil && !asked {
		at.source = l.source.begin()
		at.req.Source = at.source
	}
	at.req.Done = func(r *mesh.Reply, err error) {
		p.over(l, at)
		if at.replaced.Load() && foci.KindOf(err) == foci.Canceled && err != nil {
			return // by the copy that took its place
		}
		p.replied(at, asked, l, r, err)
	}
	if !p.begin(l, at) {
		return // it has ended since the machine said so
	}
	p.noteAttempt(l, e)
	l.replace(at)
	err := p.transmit(e, at.req)
	if err == nil {
		if l.accepted(at); l.long {
			p.moving.look(at)
		}
		return
	}
	p.over(l, at)
	p.delivered(at, &txn.Delivery{Fate: txn.NotSent, Err: err})
}

// transmit sends a request to where the machine says.
func (p *Peer) transmit(e *txn.Effect, q *mesh.Request) error {
	if e.Peer == p.cfg.Mesh.Node {
		return p.mesh.Local(q)
	}
	if !e.Via.IsZero() {
		path.Wrap(e.Peer, q)
	}
	if link := p.paths.Link(first(e)); link != nil {
		return link.Send(q)
	}
	return errNoLink
}

var errNoLink = foci.Errorf(foci.NoRoute, "no channel to the node")

// replied tells the machine what came back for one attempt.
func (p *Peer) replied(at *attempt, asked bool, l *leg, r *mesh.Reply, err error) {
	d := txn.Delivery{Fate: txn.Answered}
	if err == nil {
		d.Body = r.Body
		d.Msg, err = decode(l, asked, r)
	}
	if err != nil {
		d = failure(err, at.req.Sent())
	}
	if !at.via.IsZero() {
		p.paths.Delivered(at.via, at.peer, &d)
	}
	at.source.explain(&d)
	p.noteAnswer(l, at, d.Err)
	p.delivered(at, &d)
}

func (p *Peer) delivered(at *attempt, d *txn.Delivery) {
	p.step(func(out []txn.Effect, now time.Duration) []txn.Effect {
		return p.txns.Delivered(out, now, at.leg, at.number, d)
	})
}

// failure is what became of an attempt that ended with an error; sent reports
// whether a channel had accepted it. An answer that was damaged or had no room
// here is lost: what was asked may have been done.
func failure(err error, sent bool) txn.Delivery {
	d := txn.Delivery{Fate: txn.Refused, Err: err}
	var said *mesh.PeerError
	switch k := foci.KindOf(err); {
	case errors.As(err, &said):
		d.Epoch, d.Moved = said.Epoch, said.Moved
	case !sent && !mutant.On(mutant.UnsentMayApply):
		d.Fate = txn.NotSent
	case k == foci.Unreachable, k == foci.Busy, k == foci.Closed:
		d.Fate = txn.Lost
	}
	return d
}

func decode(l *leg, asked bool, r *mesh.Reply) (codec.Message, error) {
	var m codec.Message
	switch {
	case asked:
		m = new(wire.HaveReply)
	case l.method == wire.MethodQuery:
		m = new(wire.QueryReply)
	case l.method == wire.MethodStore:
		m = new(wire.StoreReply)
	case l.method == wire.MethodFetch:
		m = new(wire.FetchReply)
	case l.method == wire.MethodHint:
		m = new(wire.HintReply)
	default:
		m = new(wire.ListReply)
	}
	if err := codec.Unmarshal(r.Head, m); err != nil {
		return nil, err
	}
	if f, ok := m.(*wire.FetchReply); ok {
		return m, quorum.Verify(l.msg.(*wire.Fetch), f, r.Body)
	}
	return m, nil
}

// finish gives the asker the one answer.
func (l *leg) finish(p *Peer, o *txn.Outcome) {
	a := quorum.Answer{Err: p.lastFailure(o.Peer, o.Err), Stray: o.MayApply}
	l.end()
	switch {
	case o.Err != nil:
		a.Epoch = o.Epoch
	case o.Stored:
		a.Msg = &wire.StoreReply{Epoch: l.have.Epoch, Dup: true}
	default:
		a.Msg, a.Body = o.Msg, o.Body
		if l.method == wire.MethodQuery {
			p.paths.Observe(o.Peer, o.Took)
		}
	}
	a.Node = o.Peer
	l.done(a)
}

// lastFailure adds to the error of a leg why the link to its node has no channel.
func (p *Peer) lastFailure(node foci.NodeID, err error) error {
	e, ok := err.(*foci.Error)
	link := p.paths.Link(node)
	if !ok || link == nil || link.Up() {
		return err
	}
	why := link.LastErr()
	if why == nil || errors.Is(err, why) {
		return err
	}
	more := *e
	more.Msg += " (last: " + foci.Clip(why.Error()) + ")"
	return &more
}
