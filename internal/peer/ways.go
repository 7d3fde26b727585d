package peer

import (
	"errors"
	"math/rand/v2"
	"sync"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// ways chooses who passes requests on to nodes that cannot be reached directly.
type ways struct {
	*Peer
	mu      sync.Mutex
	detours *route.Detours
}

func (w *ways) init(p *Peer) { w.Peer, w.detours = p, route.NewDetours(w.candidates, rand.Uint64) }

// way is the way to a node: direct when a channel is open, else by a forwarder
// when there is one. It is called under Peer.mu.
func (p *Peer) way(node foci.NodeID) (txn.Hop, error) {
	if p.isUp(node) {
		return txn.Hop{Peer: node}, nil
	}
	d := p.ways.find(node, true)
	switch {
	case d.Is == route.BridgeUp:
		return txn.Hop{Peer: node, Via: d.Via}, nil
	case d.Is == route.BridgeAway:
		return txn.Hop{Peer: node}, &foci.Error{Kind: foci.Unreachable, Where: "node " + node.Short(), Msg: "no channel to it, nor to a node with a way to it", RetryAfter: d.After}
	case p.links.get(node) != nil:
		return txn.Hop{Peer: node}, nil // it waits there for the link
	}
	return txn.Hop{}, route.Bridgeless(node, p.OwnTables(), d.Tables)
}

// find is the present choice for a node. With use a request is sent that way.
func (w *ways) find(node foci.NodeID, use bool) route.Detour {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.detours.Find(node, w.now(), use)
}

// candidates are the tables of a node, and the nodes that we have links to with
// theirs.
func (w *ways) candidates(node foci.NodeID) ([]foci.Table, []route.Forwarder) {
	var all []route.Forwarder
	for id, k := range *w.links.all.Load() {
		if id == node || k.Link == nil {
			continue
		}
		f := route.Forwarder{Node: id, Tables: w.Tables(id), Up: k.Up()}
		if f.Up {
			f.Load = k.Load()
		}
		all = append(all, f)
	}
	return w.Tables(node), all
}

// changed has every choice made anew.
func (w *ways) changed() {
	w.mu.Lock()
	w.detours.Changed()
	w.mu.Unlock()
}

// came forgets what a node that was away, or is a newer incarnation, has said.
func (w *ways) came(node foci.NodeID) {
	w.mu.Lock()
	w.detours.Came(node)
	w.mu.Unlock()
}

// answered takes note of what came back by a forwarder. It returns what the
// error means for the request.
func (w *ways) answered(via, node foci.NodeID, err error) error {
	word, err := heard(via, err)
	w.mu.Lock()
	back := w.detours.Answered(via, node, word, w.now())
	w.mu.Unlock()
	if back {
		w.rerouted() // for those that wait for the one that was tried
	}
	return err
}

// delivered takes note of what became of an attempt that went by a relay, and
// says what the relay's own errors mean for it.
func (w *ways) delivered(via, node foci.NodeID, d *txn.Delivery) {
	means := w.answered(via, node, d.Err)
	var said *mesh.PeerError
	if !errors.As(d.Err, &said) || said.Node != via {
		return
	}
	d.Relayed = true
	switch foci.KindOf(means) {
	case foci.Unreachable:
		d.Fate = txn.Lost
	case foci.NoRoute:
		d.Fate = txn.NotSent
	}
}

// back forgets who had no way to a node that is said to be up, and reports
// whether anybody had none.
func (w *ways) back(node foci.NodeID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.detours.Back(node)
}

// heard is what an answer that came by a forwarder says of it, and what an
// error means for the request.
func heard(via foci.NodeID, err error) (route.Said, error) {
	var said *mesh.PeerError
	switch {
	case err == nil:
		return route.HasWay, nil
	case !errors.As(err, &said):
		return route.Nothing, err
	case said.Node != via:
		return route.HasWay, err
	}
	kind := foci.KindOf(err)
	word, means := route.Heard(kind)
	if means != kind {
		err = foci.Errorf(means, "%w", err)
	}
	return word, err
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
	case !wire.Relayable(f.Method, f.Class):
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
	method, head := relayed(in, l.Peer().Protocol, f)
	in.Relay(l, f.Class, method, head)
}

// Via is who would pass a request on to a node now; zero when it would go
// directly, or not at all.
func (p *Peer) Via(node foci.NodeID) foci.NodeID {
	if d := p.ways.find(node, false); !p.isUp(node) && d.Is == route.BridgeUp {
		return d.Via
	}
	return foci.NodeID{}
}
