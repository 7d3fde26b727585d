package peer

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

const (
	// rest is how long a forwarder that has no way to a node is not asked again
	// for that node: the first time; twice as long each further time.
	rest    = time.Second
	maxRest = 8 * time.Second
	// A choice holds for so long, and for so many requests, so that those that
	// follow each other go one way and yet the load is spread.
	choiceFor  = 100 * time.Millisecond
	choiceUses = 64
)

// ways chooses who passes requests on to nodes that cannot be reached directly.
type ways struct {
	*Peer
	mu  sync.Mutex
	to  map[foci.NodeID]*detour
	gen uint64 // raised by whatever may change a choice
}

// detour is the way round to one node.
type detour struct {
	gen     uint64
	until   time.Duration // the choice is made again then
	uses    int
	via     foci.NodeID
	is      route.Bridge
	tables  []foci.Table // of the node, when there is no bridge
	resting map[foci.NodeID]*resting
}

// resting is a forwarder that has said that it has no way. When it has rested
// one request is tried, and it rests on until that is answered.
type resting struct {
	until  time.Duration
	long   time.Duration // the next time
	trying bool          // one request is
}

func (w *ways) init(p *Peer) { w.Peer, w.to = p, map[foci.NodeID]*detour{} }

// way is the way to a node: direct when a channel is open, else by a forwarder
// when there is one. It is called under Peer.mu.
func (p *Peer) way(node foci.NodeID) (txn.Hop, error) {
	if p.isUp(node) {
		return txn.Hop{Peer: node}, nil
	}
	d, after := p.ways.find(node, true)
	switch {
	case d.is == route.BridgeUp:
		return txn.Hop{Peer: node, Via: d.via}, nil
	case d.is == route.BridgeAway:
		return txn.Hop{Peer: node}, &foci.Error{Kind: foci.Away, Where: "node " + node.Short(), Msg: "no channel to it, nor to a node with a way to it", RetryAfter: after}
	case p.links.get(node) != nil:
		return txn.Hop{Peer: node}, nil // it waits there for the link
	}
	p.join.mu.Lock()
	defer p.join.mu.Unlock()
	return txn.Hop{}, route.Bridgeless(node, p.join.tables, d.tables)
}

// find is the present choice for a node; when nobody can be used because all
// that could have said no, after is when the first may be asked again. With use
// a request is sent that way.
func (w *ways) find(node foci.NodeID, use bool) (d detour, after time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	e := w.to[node]
	if e == nil {
		if len(w.to) >= foci.MaxNodes {
			clear(w.to)
		}
		e = &detour{}
		w.to[node] = e
	}
	if e.until <= now || e.gen != w.gen || e.uses >= choiceUses {
		w.choose(node, e, now)
	}
	if use {
		e.uses++
		if r := e.resting[e.via]; r != nil && e.is == route.BridgeUp {
			r.until, r.trying, e.uses = now+rest, true, choiceUses
		}
	}
	if e.is == route.BridgeAway {
		for _, r := range e.resting {
			if left := r.until - now; left > 0 && (after == 0 || left < after) {
				after = left
			}
		}
	}
	return *e, after
}

// choose chooses anew; mu is held.
func (w *ways) choose(node foci.NodeID, e *detour, now time.Duration) {
	theirs, all := w.candidates(node)
	for i := range all {
		r := e.resting[all[i].Node]
		all[i].Resting = r != nil && r.until > now
	}
	e.via, e.is = route.ChooseForwarder(theirs, all, e.via, rand.Uint64())
	e.gen, e.until, e.uses, e.tables = w.gen, now+choiceFor, 0, theirs
}

// candidates are the tables of a node, and the nodes that we have links to with
// theirs.
func (w *ways) candidates(node foci.NodeID) ([]foci.Table, []route.Forwarder) {
	l := w.cfg.Layout.Load()
	j := &w.join
	j.mu.Lock()
	defer j.mu.Unlock()
	tables := func(id foci.NodeID) []foci.Table {
		if told := j.routes.Tables(id); len(told) > 0 || l == nil {
			return told
		}
		n := l.Node(id)
		if n == nil {
			return nil
		}
		return route.TablesOf(n.Addrs)
	}
	var all []route.Forwarder
	for id, k := range *w.links.all.Load() {
		if id == node || k.Link == nil {
			continue
		}
		f := route.Forwarder{Node: id, Tables: tables(id), Up: k.Up()}
		if f.Up {
			f.Load = k.Load()
		}
		all = append(all, f)
	}
	return tables(node), all
}

// changed has every choice made anew.
func (w *ways) changed() {
	w.mu.Lock()
	w.gen++
	w.mu.Unlock()
}

// came forgets what a node that was away, or is a newer incarnation, has said.
func (w *ways) came(node foci.NodeID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gen++
	for _, e := range w.to {
		delete(e.resting, node)
	}
}

// answered takes note of what came back by a forwarder: one that has no way is
// left alone for a while. It returns what the error means for the request.
func (w *ways) answered(via, node foci.NodeID, err error) error {
	word, err := heard(via, err)
	w.mu.Lock()
	e := w.to[node]
	back := false
	switch {
	case e == nil:
	case word == hasNoWay:
		e.refused(via, w.now())
	case word == hasWay:
		back = e.resting[via] != nil
		delete(e.resting, via)
	}
	w.mu.Unlock()
	if back {
		w.rerouted() // for those that wait for the one that was tried
	}
	return err
}

// back forgets who had no way to a node that is said to be up, and reports
// whether anybody had none.
func (w *ways) back(node foci.NodeID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.to[node]
	if e == nil || len(e.resting) == 0 {
		return false
	}
	e.resting, e.until = nil, 0
	return true
}

// refused has a forwarder rest.
func (e *detour) refused(via foci.NodeID, now time.Duration) {
	r := e.resting[via]
	if r == nil {
		r = &resting{long: rest}
		if e.resting == nil {
			e.resting = map[foci.NodeID]*resting{}
		}
		e.resting[via] = r
	}
	e.until = 0
	if r.until > now && !r.trying {
		return // several were on their way
	}
	r.trying = false
	r.until = now + r.long
	r.long = min(2*r.long, maxRest)
}

// word is what an answer says of a forwarder.
type word uint8

const (
	nothing word = iota
	hasWay
	hasNoWay
)

// heard is what an answer that came by a forwarder says of it, and what an
// error means for the request: whatever one does not do for us, another may.
func heard(via foci.NodeID, err error) (word, error) {
	var said *mesh.PeerError
	switch {
	case err == nil:
		return hasWay, nil
	case !errors.As(err, &said):
		return nothing, err
	case said.Node != via:
		return hasWay, err
	}
	switch foci.KindOf(err) {
	case foci.Busy, foci.Canceled:
		return nothing, err
	case foci.Away, foci.NoRoute:
		return hasNoWay, err
	case foci.Protocol, foci.Invalid, foci.Denied, foci.TooLarge:
		return hasNoWay, foci.Errorf(foci.NoRoute, "%w", err) // it was not passed on
	}
	return hasNoWay, foci.Errorf(foci.Away, "%w", err)
}

// forwarded makes a request one that is to be passed on.
func forwarded(to foci.NodeID, q *mesh.Request) {
	f := wire.Forward{Node: to, Method: q.Method, Class: q.Class, Head: q.Head}
	q.Method, q.Head = wire.MethodForward, f.Append(make([]byte, 0, len(q.Head)+64))
}

// Forward passes a request that came in on to the node that it names. It goes
// by a channel of ours or not at all.
func (p *Peer) Forward(in *mesh.Incoming, f *wire.Forward) {
	switch {
	case !f.Forwardable():
		in.Fail(foci.Errorf(foci.Denied, "method %d is not passed on by class %v", f.Method, f.Class))
		return
	case f.Node == p.cfg.Mesh.Node:
		in.Fail(foci.Errorf(foci.Invalid, "that is this node: ask it directly"))
		return
	}
	l := p.links.get(f.Node)
	if l == nil || !l.Up() {
		in.Fail(&foci.Error{Kind: foci.NoRoute, Where: "node " + f.Node.Short(), Msg: "no channel to it from here"})
		return
	}
	if trace := wire.TraceOf(f.Head); trace.Noted() && f.Method != wire.MethodStatus {
		p.traces.Note(trace, "%v passed on to node %s, class %v", f.Method, f.Node.Short(), f.Class)
	}
	in.Relay(l, f.Class, f.Method, f.Head)
}

// Via is who would pass a request on to a node now; zero when it would go
// directly, or not at all.
func (p *Peer) Via(node foci.NodeID) foci.NodeID {
	if d, _ := p.ways.find(node, false); !p.isUp(node) && d.is == route.BridgeUp {
		return d.via
	}
	return foci.NodeID{}
}
