package mesh

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// open dials an address and does the dialling side of a handshake; expect is
// zero when whoever is there will do.
func (m *Mesh) open(ctx context.Context, addr Addr, expect foci.NodeID, class foci.Class, index int) (*channel, *frameReader, error) {
	select {
	case m.dials <- struct{}{}:
		defer func() { <-m.dials }()
	case <-ctx.Done():
		return nil, nil, dialError(foci.Away, addr.HostPort, "too many handshakes at a time", context.Cause(ctx))
	}
	conn, err := m.cfg.Dial(ctx, addr.network(), addr.HostPort)
	if err != nil {
		return nil, nil, dialError(foci.Away, addr.HostPort, "", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	f := newFrameReader(conn)
	peer, w, err := m.greet(conn, f, expect, addr.Table, class, index)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = conn.Close() // the handshake failed already
		return nil, nil, greetError(addr.HostPort, err)
	}
	_ = conn.SetDeadline(time.Time{}) // fails only when closed, as the first read will
	streams := min(w.Streams, uint32(m.cfg.Limits.ChannelRequests))
	return newChannel(m, conn, peer, class, index, m.cfg.Window, w.Window, streams), f, nil
}

// greet says hello and checks the answer.
func (m *Mesh) greet(conn net.Conn, f *frameReader, expect foci.NodeID, table foci.Table, class foci.Class, index int) (Identity, *wire.Welcome, error) {
	hello := wire.Hello{
		MinProtocol: wire.MinProtocol, MaxProtocol: wire.MaxProtocol,
		Cluster: m.Cluster(), Node: m.cfg.Node, Incarnation: m.cfg.Incarnation, Role: m.cfg.Role,
		Expect: expect, Class: class, Index: uint16(index), Table: table, Window: m.cfg.Window, Auth: wire.AuthNone,
	}
	if _, err := conn.Write(wire.AppendFrame(nil, &wire.Header{Type: wire.FrameHello}, hello.Append(nil), nil)); err != nil {
		return Identity{}, nil, err
	}
	h, contents, err := opening(f)
	if err != nil {
		return Identity{}, nil, err
	}
	peer := Identity{Addr: conn.RemoteAddr().String()}
	switch h.Type {
	case wire.FrameRefuse:
		return Identity{}, nil, peerError(peer, contents)
	case wire.FrameWelcome:
	default:
		return Identity{}, nil, foci.Errorf(foci.Protocol, "it answers hello by a frame of type %d", h.Type)
	}
	var w wire.Welcome
	if err := wire.Unmarshal(contents, &w); err != nil {
		return Identity{}, nil, err
	}
	peer.Node, peer.Incarnation, peer.Role, peer.Table = w.Node, w.Incarnation, w.Role, w.Table
	return peer, &w, m.checkWelcome(&w, expect)
}

func (m *Mesh) checkWelcome(w *wire.Welcome, expect foci.NodeID) error {
	switch {
	case w.Protocol < wire.MinProtocol || w.Protocol > wire.MaxProtocol:
		return foci.Errorf(foci.Protocol, "it chose protocol %d, we speak %d to %d", w.Protocol, wire.MinProtocol, wire.MaxProtocol)
	case w.Auth != wire.AuthNone:
		return foci.Errorf(foci.Denied, "it asks for a proof of identity of kind %d, which we do not know", w.Auth)
	case w.Node.IsZero():
		return foci.Errorf(foci.Protocol, "it has no node id")
	case w.Node == m.cfg.Node:
		return foci.Errorf(foci.Denied, "that is this node itself")
	case !expect.IsZero() && w.Node != expect:
		return foci.Errorf(foci.Denied, "node %v lives there, not %v", w.Node, expect)
	}
	return m.join(w.Cluster)
}

// opening reads the first frame of the other side.
func opening(f *frameReader) (wire.Header, []byte, error) {
	var h wire.Header
	if err := f.header(&h); err != nil {
		return h, nil, err
	}
	if h.Type != wire.FrameHello && h.Type != wire.FrameWelcome && h.Type != wire.FrameRefuse {
		return h, nil, foci.Errorf(foci.Protocol, "the channel begins with a frame of type %d", h.Type)
	}
	contents, err := f.small(int(h.Size))
	if err == nil && wire.Checksum(0, contents) != h.Sum {
		err = foci.Errorf(foci.Protocol, "the first frame is damaged: its checksum does not match")
	}
	return h, contents, err
}

// accept does the listening side of a handshake and serves the channel.
func (m *Mesh) accept(conn net.Conn, table foci.Table) {
	leave := m.unproven.enter(conn)
	_ = conn.SetDeadline(time.Now().Add(m.cfg.Timing.Handshake))
	f := newFrameReader(conn)
	ch, err := m.welcome(conn, f, table)
	leave()
	if err != nil {
		m.refusals.Add(1)
		m.log.Info("connection refused", "from", conn.RemoteAddr(), "err", err)
		_ = conn.Close() // nothing of worth is on it
		return
	}
	if !ch.peer.Node.IsZero() {
		if l := m.Peer(ch.peer.Node); l != nil {
			l.revive()
		}
	}
	ch.run(f)
}

// welcome reads the hello and answers it.
func (m *Mesh) welcome(conn net.Conn, f *frameReader, table foci.Table) (*channel, error) {
	h, contents, err := opening(f)
	if err != nil {
		return nil, err
	}
	if h.Type != wire.FrameHello {
		return nil, foci.Errorf(foci.Protocol, "the channel begins with a frame of type %d", h.Type)
	}
	var hello wire.Hello
	r := wire.NewReader(contents)
	hello.MinProtocol, hello.MaxProtocol = r.U16(), r.U16()
	protocol, known := hello.Protocol()
	if r.Bad() || !known {
		return nil, refuse(conn, foci.Errorf(foci.Protocol, "you speak protocol %d to %d, node %s speaks %d to %d",
			hello.MinProtocol, hello.MaxProtocol, m.cfg.Node.Short(), wire.MinProtocol, wire.MaxProtocol))
	}
	if err := wire.Unmarshal(contents, &hello); err != nil {
		return nil, refuse(conn, err)
	}
	if err := m.checkHello(&hello); err != nil {
		return nil, refuse(conn, err)
	}
	peer := Identity{Node: hello.Node, Incarnation: hello.Incarnation, Role: hello.Role, Table: table, Addr: conn.RemoteAddr().String()}
	streams := uint32(m.cfg.Limits.ChannelRequests)
	ch := newChannel(m, conn, peer, hello.Class, int(hello.Index), m.cfg.Window, hello.Window, streams)
	if err := m.remember(ch); err != nil {
		return nil, refuse(conn, err)
	}
	w := wire.Welcome{
		Protocol: protocol, Cluster: m.Cluster(), Node: m.cfg.Node, Incarnation: m.cfg.Incarnation, Role: m.cfg.Role,
		Table: table, Window: m.cfg.Window, Streams: streams, Auth: wire.AuthNone,
	}
	_, err = conn.Write(wire.AppendFrame(nil, &wire.Header{Type: wire.FrameWelcome}, w.Append(nil), nil))
	if err != nil {
		m.forget(ch, err)
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{}) // fails only when closed, as the next read will
	return ch, nil
}

func (m *Mesh) checkHello(h *wire.Hello) error {
	ours := m.Cluster()
	switch {
	case h.Cluster != "" && ours != "" && h.Cluster != ours:
		return foci.Errorf(foci.Denied, "you look for cluster %q, node %s belongs to cluster %q", h.Cluster, m.cfg.Node.Short(), ours)
	case !h.Expect.IsZero() && h.Expect != m.cfg.Node:
		return foci.Errorf(foci.Denied, "you look for node %v, this is node %v", h.Expect, m.cfg.Node)
	case h.Node == m.cfg.Node:
		return foci.Errorf(foci.Denied, "you are node %v, and so am I", h.Node)
	case h.Node.IsZero() != (h.Role == foci.RoleTransport):
		return foci.Errorf(foci.Denied, "members have a node id and transport clients have none; you are a %v with id %v", h.Role, h.Node)
	case h.Auth != wire.AuthNone:
		return foci.Errorf(foci.Denied, "proof of identity of kind %d is not known here", h.Auth)
	}
	return nil
}

// refuse tells the other side why, and returns it.
func refuse(conn net.Conn, why error) error {
	w := wireError(why)
	_, _ = conn.Write(wire.AppendFrame(nil, &wire.Header{Type: wire.FrameRefuse}, w.Append(nil), nil)) // a courtesy
	return why
}

func greetError(addr string, err error) error {
	switch k := foci.KindOf(err); k {
	case foci.Denied:
		return &foci.Error{Kind: k, Op: "dial", Where: addr, Err: err, Msg: "refused", Fix: "check the address, the node's identity and the cluster's name"}
	case foci.Protocol:
		return &foci.Error{Kind: k, Op: "dial", Where: addr, Err: err, Msg: "no common protocol", Fix: "is it a Foci node, and of a version that fits?"}
	case foci.Internal:
		return dialError(foci.Away, addr, "no answer to hello", err)
	default:
		return dialError(k, addr, "refused", err)
	}
}

func dialError(k foci.Kind, addr, msg string, err error) error {
	e := &foci.Error{Kind: k, Op: "dial", Where: addr, Msg: msg, Err: err}
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Msg, e.Err, e.Fix = "connection refused", foci.Cause(err), "is a node running there?"
	case errors.As(err, &op) && op.Err != nil: // the rest repeats the address
		e.Err = op.Err
	}
	if e.Msg == "" {
		e.Msg = "cannot connect"
	}
	return e
}
