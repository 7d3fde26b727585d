package path

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh"
)

// relayed is what a relay sends to the node that a request is for: the request
// and its asker. The request goes alone when its asker is a member, or nothing
// authenticates peers: then it may have the rights of the relay. So does every
// request to a node of protocol 1, which knows no rights.
func relayed(in *mesh.Incoming, protocol uint16, f *wire.Forward) (wire.Method, []byte) {
	who := &in.From
	if protocol < 2 || who.Rights.Everything() && (who.Principal == "" || who.Principal.IsNode()) {
		return f.Method, f.Head
	}
	m := wire.Relayed{Asker: who.Principal, Rights: who.Rights, Protocol: who.Protocol, Method: f.Method, Head: f.Head}
	return wire.MethodRelayed, m.Append(make([]byte, 0, len(f.Head)+256))
}

// Unwrap turns a request that a relay has passed on into the request of its
// asker: with the asker's principal and rights, whatever the relay may do, and
// counted as the asker's. Only members may relay, and an asker that certs deny is
// denied, whatever the relay's own list says. Unwrap reports whether it succeeded;
// else it has failed the request.
func Unwrap(in *mesh.Incoming, certs *auth.Certificates) bool {
	var m wire.Relayed
	switch err := codec.Unmarshal(in.Head, &m); {
	case !in.From.Who().Member && !mutant.On(mutant.AnyRelay):
		in.Fail(&foci.Error{Kind: foci.Denied, Msg: "only members of the cluster relay requests", Fix: "send it directly, or to a relay as forward"})
		return false
	case err != nil:
		in.Fail(err)
		return false
	case !wire.Relayable(m.Method, in.Class):
		in.Fail(foci.Errorf(foci.Denied, "%v is not relayed by class %v", m.Method, in.Class))
		return false
	}
	if err := certs.DeniedName(m.Asker); err != nil {
		in.Fail(err)
		return false
	}
	relay := in.From
	in.Method, in.Head = m.Method, m.Head
	in.From = mesh.Identity{
		Table: relay.Table, Addr: relay.Addr + ", a relay's,", Protocol: m.Protocol, Principal: m.Asker, Rights: m.Rights,
	}
	if mutant.On(mutant.RelayRights) {
		in.From.Rights = rights.Full()
	}
	if err := in.Rebill(in.From.Who()); err != nil {
		in.Fail(err)
		return false
	}
	return true
}
