package handshake

import (
	"errors"
	"fmt"
	"net"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// Arrival is an accepted connection whose peer is authenticated. It waits for
// Welcome or Refuse.
type Arrival struct {
	Opened
	welcome Welcome
}

// Accept runs the listening side of a handshake, up to the answer to hello: TLS if
// this process has a certificate, then hello. table is that of the listener. When it
// fails it has sent the reason to the peer.
func (e *Endpoint) Accept(bare net.Conn, table foci.Table) (*Arrival, error) {
	conn, shown, err := e.acceptTLS(bare)
	if err != nil {
		return nil, err
	}
	h, contents, err := ReadFrame(conn)
	if errors.Is(err, errSpeaksTLS) {
		return nil, refuse(conn, e.wrongStep(auth.StepTLS))
	}
	if err != nil {
		return nil, err
	}
	if h.Type != frame.Hello {
		return nil, foci.Errorf(foci.Protocol, "the channel begins with a frame of type %d", h.Type)
	}
	hello, protocol, err := e.parseHello(contents)
	if err == nil {
		err = e.checkHello(&hello, shown.Name())
	}
	if err != nil {
		return nil, refuse(conn, err)
	}
	peer := identity(shown.Name(), conn, Identity{Node: hello.Node, Incarnation: hello.Incarnation, Role: hello.Role, Table: table, Protocol: protocol})
	if !peer.Node.IsZero() {
		if err := e.meet(&peer); err != nil {
			return nil, refuse(conn, err)
		}
	}
	a := &Arrival{
		Opened: Opened{
			Conn: conn, Peer: peer, Certificate: shown, Class: hello.Class, Index: int(hello.Index),
			Window: hello.Window, Streams: e.cfg.Streams, Packing: hello.Packing,
		},
		welcome: Welcome{
			Protocol: protocol, Cluster: e.Cluster(), Node: e.cfg.Node, Incarnation: e.cfg.Incarnation, Role: e.cfg.Role,
			Table: table, Window: e.cfg.Window, Streams: e.cfg.Streams, Auth: hello.Auth, Packing: frame.AllPackings,
		},
	}
	if certs := e.cfg.Auth.Certificates(); certs != nil {
		a.welcome.Proof = certs.Digest()
	}
	return a, nil
}

// Welcome opens the channel.
func (a *Arrival) Welcome() error {
	unbind(a.Conn)
	_, err := a.Conn.Write(frame.Append(nil, &frame.Header{Type: frame.Welcome}, a.welcome.Append(nil), nil))
	return err
}

// Refuse tells the peer why the channel is not opened, and returns that.
func (a *Arrival) Refuse(why error) error { return refuse(a.Conn, why) }

// parseHello decodes a hello and chooses the protocol. It reads the versions first, so
// that a peer with other versions gets a clear error.
func (e *Endpoint) parseHello(contents []byte) (hello Hello, protocol uint16, err error) {
	r := codec.NewReader(contents)
	hello.MinProtocol, hello.MaxProtocol = r.U16(), r.U16()
	ours := e.cfg.Protocols
	protocol, known := ours.Common(hello.Protocols())
	if r.Bad() || !known && !mutant.On(mutant.AnyProtocol) {
		return hello, 0, &foci.Error{
			Kind: foci.Protocol,
			Msg: fmt.Sprintf("the dialling side speaks protocol %d to %d, node %s speaks %d to %d",
				hello.MinProtocol, hello.MaxProtocol, e.cfg.Node.Short(), ours.Min, ours.Max),
			Fix: upgradeOlder,
		}
	}
	if err := codec.Unmarshal(contents, &hello); err != nil {
		return hello, 0, err
	}
	if hello.Early && !mutant.On(mutant.EarlyProtocol) {
		return hello, 0, &foci.Error{
			Kind: foci.Protocol, Fix: upgradeOlder,
			Msg: "the dialling side speaks a form of protocol 1 that is older than any that node " + e.cfg.Node.Short() + " speaks",
		}
	}
	return hello, protocol, nil
}

const upgradeOlder = "upgrade the older side; only adjacent versions work together (docs/upgrade.md)"

// checkHello validates an unauthenticated hello; who is the name in the
// peer's certificate, under TLS.
func (e *Endpoint) checkHello(h *Hello, who auth.Name) error {
	ours := e.Cluster()
	switch {
	case h.Auth > auth.StepTLS:
		return foci.Errorf(foci.Denied, "authentication step %d is unknown", h.Auth)
	case h.Auth != e.cfg.Auth.Step() && !mutant.On(mutant.PlainHello):
		return e.wrongStep(h.Auth)
	case h.Cluster != "" && ours != "" && h.Cluster != ours:
		return foci.Errorf(foci.Denied, "the dialling side expects cluster %q, node %s belongs to cluster %q", h.Cluster, e.cfg.Node.Short(), ours)
	case !h.Expect.IsZero() && h.Expect != e.cfg.Node:
		return foci.Errorf(foci.Denied, "the dialling side expects node %v, this is node %v", h.Expect, e.cfg.Node)
	case h.Node == e.cfg.Node:
		e.selves.recognise(h.Proof)
		return foci.Errorf(foci.Denied, "the dialling side has the id of this node, %v", h.Node)
	case h.Node.IsZero() != (h.Role == foci.RoleTransport):
		return foci.Errorf(foci.Denied, "members have a node id and transport clients have none; the dialling side is a %v with id %v", h.Role, h.Node)
	}
	if h.Auth == auth.StepTLS {
		return who.Admit(ours, h.Node, h.Role)
	}
	return nil
}

// wrongStep is the error for a peer that offers another step of authentication than
// this node's, with what either side can do about it.
func (e *Endpoint) wrongStep(theirs uint8) error {
	node := "node " + e.cfg.Node.Short()
	err := &foci.Error{Kind: foci.Denied}
	switch ours := e.cfg.Auth.Step(); {
	case ours == auth.StepNone && theirs == auth.StepTLS:
		err.Msg, err.Fix = "you speak TLS, "+node+" has neither key nor certificate", "give that node key or [tls] in foci.toml, or come without a credential"
	case theirs == auth.StepKey:
		err.Msg = "you want to prove a key in plain, as protocol 1 did, and " + node + " does not take that"
		err.Fix = "upgrade this side and make it a new credential; clusters with a key are stopped and started together for this one upgrade (docs/upgrade.md)"
	default:
		err.Msg = node + " asks for TLS and a certificate"
		err.Fix = "clients: --credential FILE or FOCI_CREDENTIAL; nodes: key or [tls] in foci.toml"
	}
	return err
}

// refuse tells the peer why the channel is not opened, and returns that.
func refuse(conn net.Conn, why error) error {
	w := frame.EncodeError(why)
	_, _ = conn.Write(frame.Append(nil, &frame.Header{Type: frame.Refuse}, w.Append(nil), nil)) // best effort
	return why
}
