package mesh

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// accept does the listening side of a handshake and serves the channel. leave
// takes the connection out of the unproven ones.
func (m *Mesh) accept(conn net.Conn, table foci.Table, leave func()) {
	_ = conn.SetDeadline(time.Now().Add(m.cfg.Timing.Handshake))
	ch, err := m.admit(conn, table)
	leave()
	if err != nil {
		m.refused(conn.RemoteAddr(), err)
		_ = conn.Close() // nothing of worth is on it
		return
	}
	ch.run(frame.NewReader(ch.conn))
}

// refused counts a connection that was not let in, and tells of one in a second.
func (m *Mesh) refused(from net.Addr, err error) {
	n := m.refusals.Add(1)
	now := time.Since(m.began).Milliseconds()
	last := m.refusalTold.Load()
	if now-last < 1000 && n > 1 || !m.refusalTold.CompareAndSwap(last, now) {
		m.log.Debug("connection refused", "from", from, "err", err)
		return
	}
	m.log.Info("connection refused", "from", from, "err", err, "so far", n)
}

// admit does the listening side of a handshake: TLS if this node has a key or a
// certificate, then hello and welcome.
func (m *Mesh) admit(bare net.Conn, table foci.Table) (*channel, error) {
	conn, shown, err := m.receive(bare)
	if err != nil {
		return nil, err
	}
	who := shown.Name()
	h, said, err := opening(conn)
	if errors.Is(err, errSpeaksTLS) {
		return nil, m.refuse(conn, m.unlike(auth.StepTLS))
	}
	if err != nil {
		return nil, err
	}
	if h.Type != frame.Hello {
		return nil, foci.Errorf(foci.Protocol, "the channel begins with a frame of type %d", h.Type)
	}
	hello, protocol, err := m.parseHello(said)
	if err == nil {
		err = m.checkHello(&hello, who)
	}
	if err != nil {
		return nil, m.refuse(conn, err)
	}
	streams := uint32(m.cfg.Limits.ChannelRequests)
	w := handshake.Welcome{
		Protocol: protocol, Cluster: m.Cluster(), Node: m.cfg.Node, Incarnation: m.cfg.Incarnation, Role: m.cfg.Role,
		Table: table, Window: m.cfg.Window, Streams: streams, Auth: hello.Auth, Packing: frame.AllPackings,
	}
	if certs := m.cfg.Auth.Certificates(); certs != nil {
		w.Proof = certs.Digest()
	}
	peer := Identity{Node: hello.Node, Incarnation: hello.Incarnation, Role: hello.Role, Table: table, Addr: conn.RemoteAddr().String(), Protocol: protocol}
	peer.Principal, peer.Rights = proved(who)
	ch := newChannel(m, conn, peer, hello.Class, int(hello.Index), m.cfg.Window, hello.Window, streams)
	ch.pack = m.cfg.Classes[hello.Class].Compress.packing() & hello.Packing
	ch.shown = shown
	if err := frame.Mark(conn, m.cfg.Classes[hello.Class].DSCP); err != nil {
		return nil, m.refuse(conn, foci.Errorf(foci.Internal, "dscp cannot be set: %w", err))
	}
	if err := m.enter(ch); err != nil {
		return nil, m.refuse(conn, err)
	}
	trust(conn)
	if _, err = conn.Write(frame.Append(nil, &frame.Header{Type: frame.Welcome}, w.Append(nil), nil)); err != nil {
		m.forget(ch, err)
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{}) // fails only when closed, as the next read will
	return ch, nil
}

// enter takes in a channel whose peer has proved who it is.
func (m *Mesh) enter(ch *channel) error {
	if id := ch.peer.Node; !id.IsZero() {
		if err := m.meet(&ch.peer); err != nil {
			return err
		}
		m.expel(id, ch.peer.Incarnation)
	}
	return m.remember(ch)
}

// expel closes what came in from earlier incarnations of a node.
func (m *Mesh) expel(node foci.NodeID, now foci.Incarnation) {
	var old []*channel
	m.mu.Lock()
	for ch := range m.inbound {
		if ch.peer.Node == node && ch.peer.Incarnation < now {
			old = append(old, ch)
		}
	}
	m.mu.Unlock()
	for _, ch := range old {
		ch.close(foci.Errorf(foci.Unreachable, "the peer was restarted"))
	}
}

// parseHello decodes; the versions come first, so that one who speaks others is
// told so.
func (m *Mesh) parseHello(said []byte) (hello handshake.Hello, protocol uint16, err error) {
	r := codec.NewReader(said)
	hello.MinProtocol, hello.MaxProtocol = r.U16(), r.U16()
	ours := m.cfg.Protocols
	protocol, known := ours.Common(hello.Protocols())
	if r.Bad() || !known && !mutant.On(mutant.AnyProtocol) {
		return hello, 0, &foci.Error{
			Kind: foci.Protocol,
			Msg: fmt.Sprintf("the dialling side speaks protocol %d to %d, node %s speaks %d to %d",
				hello.MinProtocol, hello.MaxProtocol, m.cfg.Node.Short(), ours.Min, ours.Max),
			Fix: upgradeOlder,
		}
	}
	if err := codec.Unmarshal(said, &hello); err != nil {
		return hello, 0, err
	}
	if hello.Early && !mutant.On(mutant.EarlyProtocol) {
		return hello, 0, &foci.Error{
			Kind: foci.Protocol, Fix: upgradeOlder,
			Msg: "the dialling side speaks a form of protocol 1 that is older than any that node " + m.cfg.Node.Short() + " speaks",
		}
	}
	return hello, protocol, nil
}

const upgradeOlder = "upgrade the older side; only adjacent versions work together (docs/upgrade.md)"

// proved is the principal in a certificate, and its rights. Where nothing is
// proved every peer may do everything, and so may each member.
func proved(who auth.Name) (rights.Principal, rights.Rights) {
	if who.IsZero() {
		return "", rights.Full()
	}
	return who.Principal(), who.Rights
}

// checkHello validates an unauthenticated hello; who is the identity in the
// certificate of the other side, under TLS.
func (m *Mesh) checkHello(h *handshake.Hello, who auth.Name) error {
	ours := m.Cluster()
	switch {
	case h.Auth > auth.StepTLS:
		return foci.Errorf(foci.Denied, "proof of identity of kind %d is not known here", h.Auth)
	case h.Auth != m.cfg.Auth.Step() && !mutant.On(mutant.PlainHello):
		return m.unlike(h.Auth)
	case h.Cluster != "" && ours != "" && h.Cluster != ours:
		return foci.Errorf(foci.Denied, "you look for cluster %q, node %s belongs to cluster %q", h.Cluster, m.cfg.Node.Short(), ours)
	case !h.Expect.IsZero() && h.Expect != m.cfg.Node:
		return foci.Errorf(foci.Denied, "you look for node %v, this is node %v", h.Expect, m.cfg.Node)
	case h.Node == m.cfg.Node:
		m.selves.recognise(h.Proof)
		return foci.Errorf(foci.Denied, "you are node %v, and so am I", h.Node)
	case h.Node.IsZero() != (h.Role == foci.RoleTransport):
		return foci.Errorf(foci.Denied, "members have a node id and transport clients have none; you are a %v with id %v", h.Role, h.Node)
	}
	if h.Auth == auth.StepTLS {
		return who.Admit(ours, h.Node, h.Role)
	}
	return nil
}

// unlike is the error for a peer that offers another step of authentication than
// this node's, and what either side can do about it.
func (m *Mesh) unlike(theirs uint8) error {
	node := "node " + m.cfg.Node.Short()
	e := &foci.Error{Kind: foci.Denied}
	switch ours := m.cfg.Auth.Step(); {
	case ours == auth.StepNone && theirs == auth.StepTLS:
		e.Msg, e.Fix = "you speak TLS, "+node+" has neither key nor certificate", "give that node key or [tls] in foci.toml, or come without a credential"
	case theirs == auth.StepKey:
		e.Msg = "you want to prove a key in plain, as protocol 1 did, and " + node + " does not take that"
		e.Fix = "upgrade this side and make its credential anew; clusters with a key are stopped and started together for this one upgrade (docs/upgrade.md)"
	default:
		e.Msg = node + " asks for TLS and a certificate"
		e.Fix = "clients: --credential FILE or FOCI_CREDENTIAL; nodes: key or [tls] in foci.toml"
	}
	return e
}

// refuse tells the other side why, and returns it.
func (m *Mesh) refuse(conn net.Conn, why error) error {
	w := frame.EncodeError(why)
	_, _ = conn.Write(frame.Append(nil, &frame.Header{Type: frame.Refuse}, w.Append(nil), nil)) // a courtesy
	return why
}
