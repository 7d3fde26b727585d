package mesh

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// open dials an address and does the dialling side of a handshake; expect is
// zero when whoever is there will do.
func (m *Mesh) open(ctx context.Context, addr Addr, expect foci.NodeID, class foci.Class, index int) (*channel, *frame.Reader, error) {
	select {
	case m.dials <- struct{}{}:
		defer func() { <-m.dials }()
	case <-ctx.Done():
		return nil, nil, dialError(foci.Unreachable, addr.HostPort, "too many handshakes at a time", context.Cause(ctx))
	}
	conn, err := m.cfg.Dial(ctx, network(addr), addr.HostPort)
	if err != nil {
		return nil, nil, dialError(foci.Unreachable, addr.HostPort, "", err)
	}
	bare := conn
	if err := frame.Mark(conn, m.cfg.Classes[class].DSCP); err != nil {
		_ = conn.Close() // nothing was sent on it
		return nil, nil, dialError(foci.Internal, addr.HostPort, "dscp cannot be set", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = bare.SetDeadline(time.Unix(1, 0)) })
	hello := handshake.Hello{
		MinProtocol: m.cfg.Protocols.Min, MaxProtocol: m.cfg.Protocols.Max,
		Cluster: m.Cluster(), Node: m.cfg.Node, Incarnation: m.cfg.Incarnation, Role: m.cfg.Role,
		Expect: expect, Class: class, Index: uint16(index), Table: addr.Table, Window: m.cfg.Window, Auth: m.cfg.Auth.Step(), Packing: frame.AllPackings,
	}
	conn, shown, err := m.shield(conn)
	var peer Identity
	var w *handshake.Welcome
	if err == nil {
		peer, w, err = m.greet(conn, &hello, shown.Name())
	}
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = bare.Close() // the handshake failed already
		return nil, nil, greetError(addr.HostPort, err)
	}
	_ = conn.SetDeadline(time.Time{}) // fails only when closed, as the first read will
	streams := min(w.Streams, uint32(m.cfg.Limits.ChannelRequests))
	ch := newChannel(m, conn, peer, class, index, m.cfg.Window, w.Window, streams)
	ch.pack = m.cfg.Classes[class].Compress.packing() & w.Packing
	ch.shown = shown
	return ch, frame.NewReader(conn), nil
}

// greet sends hello and checks the answer. who is the identity in the certificate
// of the other side, under TLS.
func (m *Mesh) greet(conn net.Conn, hello *handshake.Hello, who auth.Name) (Identity, *handshake.Welcome, error) {
	nonce := m.selves.begin()
	defer m.selves.end(nonce)
	hello.Proof = nonce[:]
	if _, err := conn.Write(frame.Append(nil, &frame.Header{Type: frame.Hello}, hello.Append(nil), nil)); err != nil {
		return Identity{}, nil, err
	}
	h, contents, err := opening(conn)
	switch {
	case err != nil:
		return Identity{}, nil, err
	case h.Type == frame.Refuse && m.selves.came(nonce):
		return Identity{}, nil, ErrSelf
	case h.Type == frame.Refuse:
		return Identity{}, nil, frame.DecodeError(foci.NodeID{}, contents)
	case h.Type != frame.Welcome:
		return Identity{}, nil, foci.Errorf(foci.Protocol, "it answers hello by a frame of type %d", h.Type)
	}
	var w handshake.Welcome
	if err := codec.Unmarshal(contents, &w); err != nil {
		return Identity{}, nil, err
	}
	peer := Identity{Node: w.Node, Incarnation: w.Incarnation, Role: w.Role, Table: w.Table, Addr: conn.RemoteAddr().String(), Protocol: w.Protocol}
	peer.Principal, peer.Rights = proved(who)
	if err := m.checkWelcome(&w, hello, who); err != nil {
		return peer, &w, err
	}
	return peer, &w, m.meet(&peer)
}

func (m *Mesh) checkWelcome(w *handshake.Welcome, hello *handshake.Hello, who auth.Name) error {
	switch {
	case w.Protocol < hello.MinProtocol || w.Protocol > hello.MaxProtocol:
		return foci.Errorf(foci.Protocol, "it chose protocol %d, this process speaks %d to %d", w.Protocol, hello.MinProtocol, hello.MaxProtocol)
	case w.Early:
		return &foci.Error{Kind: foci.Protocol, Msg: "it speaks a form of protocol 1 that is older than any that this process speaks", Fix: upgradeOlder}
	case w.Auth != hello.Auth:
		return foci.Errorf(foci.Denied, "it proves who it is by step %d, we asked for step %d", w.Auth, hello.Auth)
	case w.Node.IsZero():
		return foci.Errorf(foci.Protocol, "it has no node id")
	case w.Node == m.cfg.Node:
		return ErrSelf
	case !hello.Expect.IsZero() && w.Node != hello.Expect:
		return foci.Errorf(foci.Denied, "node %v lives there, not %v", w.Node, hello.Expect)
	}
	if w.Auth == auth.StepTLS {
		if err := who.Admit(w.Cluster, w.Node, foci.RoleData); err != nil {
			return foci.Errorf(foci.Denied, "it shows a certificate that is not its own: %w", err)
		}
		m.cfg.Auth.Certificates().Heard(w.Proof)
	}
	return m.join(w.Cluster)
}

// opening reads one frame of a handshake, and not a byte more. What comes from
// strangers is short, and so is the memory that they are given.
func opening(src io.Reader) (frame.Header, []byte, error) {
	var h frame.Header
	var head [frame.HeaderSize]byte
	if _, err := io.ReadFull(src, head[:]); err != nil {
		return h, nil, err
	}
	if head[0] == recordHandshake && head[1] == 3 {
		return h, nil, errSpeaksTLS
	}
	if err := frame.ParseHeader(head[:], &h); err != nil {
		return h, nil, err
	}
	switch h.Type {
	case frame.Hello, frame.Welcome, frame.Refuse:
	default:
		return h, nil, foci.Errorf(foci.Protocol, "the channel begins with a frame of type %d", h.Type)
	}
	contents := make([]byte, h.Size)
	_, err := io.ReadFull(src, contents)
	if err == nil && frame.Checksum(0, contents) != h.Sum {
		err = foci.Errorf(foci.Protocol, "the first frame is damaged: its checksum does not match")
	}
	return h, contents, err
}

func greetError(addr string, err error) error {
	e := &foci.Error{Kind: foci.KindOf(err), Op: "dial", Where: addr, Err: err}
	var said *PeerError
	var ours *foci.Error
	switch {
	case e.Kind == foci.Internal:
		return dialError(foci.Unreachable, addr, "no answer to hello", err)
	case e.Kind == foci.Protocol:
		e.Msg = "no common protocol"
		if !errors.As(err, &said) && (!errors.As(err, &ours) || ours.Fix == "") {
			e.Fix = "is it a Foci node, and of a version that fits?"
		}
	case errors.As(err, &said):
		return dialError(e.Kind, addr, "refused", err)
	case e.Kind == foci.Denied:
		e.Msg = "refused"
		if errors.As(err, &ours) && ours.Fix == "" && !errors.Is(err, ErrSelf) {
			e.Fix = "check the address, the node's identity and the cluster's name"
		}
	default:
		return dialError(e.Kind, addr, "refused", err)
	}
	return e
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
