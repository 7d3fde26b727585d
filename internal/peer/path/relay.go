package path

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// Forward relays a request of a peer to the node that it names, over a channel of this
// process; without one it fails the request. It never uses a second relay.
func (p *Paths) Forward(in *mesh.Incoming, f *wire.Forward) {
	switch {
	case !wire.Relayable(f.Method, f.Class):
		in.Fail(foci.Errorf(foci.Denied, "method %d is not relayed by class %v", f.Method, f.Class))
		return
	case f.Node == p.cfg.Self:
		in.Fail(foci.Errorf(foci.Invalid, "the target is this node: send the request directly"))
		return
	}
	l := p.Link(f.Node)
	if l == nil || !l.Up() {
		in.Fail(&foci.Error{Kind: foci.NoRoute, Where: "node " + f.Node.Short(), Msg: "no channel to it from here"})
		return
	}
	if trace := wire.TraceOf(f.Method, f.Head); trace.Noted() {
		p.cfg.Note(trace, "%v relayed to node %s, class %v", f.Method, f.Node.Short(), f.Class)
	}
	method, head := relayed(in, l.Peer().Protocol, f)
	in.Relay(l, f.Class, method, head)
}
