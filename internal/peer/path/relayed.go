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

// relayed returns what a relay sends to the target of a request: the request and its
// asker. It is the bare request, which has the relay's rights, if the asker is a member,
// if peers are not authenticated, or if the target speaks protocol 1, which has no
// rights.
func relayed(in *mesh.Incoming, protocol uint16, f *wire.Forward) (wire.Method, []byte) {
	who := &in.From
	if protocol < 2 || who.Rights.Everything() && (who.Principal == "" || who.Principal.IsNode()) {
		return f.Method, f.Head
	}
	m := wire.Relayed{Asker: who.Principal, Rights: who.Rights, Protocol: who.Protocol, Method: f.Method, Head: f.Head}
	return wire.MethodRelayed, m.Append(make([]byte, 0, len(f.Head)+256))
}

// Unwrap turns a relayed request into the request of its asker: with the principal and
// rights of the asker, not of the relay, and charged to the asker. Only members may
// relay, and an asker that certs deny is denied, even if the relay does not deny it.
// Unwrap reports whether it succeeded; else it has failed the request.
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
