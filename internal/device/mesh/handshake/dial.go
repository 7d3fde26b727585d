package handshake

import (
	"io"
	"net"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// Target describes the channel to open.
type Target struct {
	Node  foci.NodeID // that must be there; zero = any
	Table foci.Table  // of the address that was dialled
	Class foci.Class
	Index int
}

// Dial runs the dialling side of a handshake on a connection.
func (e *Endpoint) Dial(conn net.Conn, to Target) (*Opened, error) {
	conn, shown, err := e.dialTLS(conn)
	if err != nil {
		return nil, err
	}
	hello := &Hello{
		MinProtocol: e.cfg.Protocols.Min, MaxProtocol: e.cfg.Protocols.Max,
		Cluster: e.Cluster(), Node: e.cfg.Node, Incarnation: e.cfg.Incarnation, Role: e.cfg.Role,
		Expect: to.Node, Class: to.Class, Index: uint16(to.Index), Table: to.Table, Window: e.cfg.Window,
		Auth: e.cfg.Auth.Step(), Packing: frame.AllPackings,
	}
	w, err := e.greet(conn, hello)
	if err != nil {
		return nil, err
	}
	peer := identity(shown.Name(), conn, Identity{Node: w.Node, Incarnation: w.Incarnation, Role: w.Role, Table: w.Table, Protocol: w.Protocol})
	if err := e.checkWelcome(w, hello, shown.Name()); err != nil {
		return nil, err
	}
	if err := e.meet(&peer); err != nil {
		return nil, err
	}
	return &Opened{
		Conn: conn, Peer: peer, Certificate: shown, Class: to.Class, Index: to.Index,
		Window: w.Window, Streams: w.Streams, Packing: w.Packing,
	}, nil
}

// greet sends hello and reads the welcome or the refusal.
func (e *Endpoint) greet(conn net.Conn, hello *Hello) (*Welcome, error) {
	nonce := e.selves.begin()
	defer e.selves.end(nonce)
	hello.Proof = nonce[:]
	if _, err := conn.Write(frame.Append(nil, &frame.Header{Type: frame.Hello}, hello.Append(nil), nil)); err != nil {
		return nil, err
	}
	h, contents, err := ReadFrame(conn)
	switch {
	case err != nil:
		return nil, err
	case h.Type == frame.Refuse && e.selves.received(nonce):
		return nil, ErrSelf
	case h.Type == frame.Refuse:
		return nil, frame.DecodeError(foci.NodeID{}, contents)
	case h.Type != frame.Welcome:
		return nil, foci.Errorf(foci.Protocol, "it answers hello by a frame of type %d", h.Type)
	}
	w := new(Welcome)
	return w, codec.Unmarshal(contents, w)
}

// checkWelcome validates a welcome; who is the name in the peer's certificate,
// under TLS.
func (e *Endpoint) checkWelcome(w *Welcome, hello *Hello, who auth.Name) error {
	switch {
	case w.Protocol < hello.MinProtocol || w.Protocol > hello.MaxProtocol:
		return foci.Errorf(foci.Protocol, "it chose protocol %d, this process speaks %d to %d", w.Protocol, hello.MinProtocol, hello.MaxProtocol)
	case w.Early:
		return &foci.Error{Kind: foci.Protocol, Msg: "it speaks a form of protocol 1 that is older than any that this process speaks", Fix: upgradeOlder}
	case w.Auth != hello.Auth:
		return foci.Errorf(foci.Denied, "it authenticates by step %d, this process asked for step %d", w.Auth, hello.Auth)
	case w.Node.IsZero():
		return foci.Errorf(foci.Protocol, "it has no node id")
	case w.Node == e.cfg.Node:
		return ErrSelf
	case !hello.Expect.IsZero() && w.Node != hello.Expect:
		return foci.Errorf(foci.Denied, "the node there is %v, not %v", w.Node, hello.Expect)
	}
	if w.Auth == auth.StepTLS {
		if err := who.Admit(w.Cluster, w.Node, foci.RoleData); err != nil {
			return foci.Errorf(foci.Denied, "it shows a certificate that is not its own: %w", err)
		}
		e.cfg.Auth.Certificates().Heard(w.Proof)
	}
	return e.join(w.Cluster)
}

// ReadFrame reads one frame of a handshake, and not a byte more. Frames of
// unauthenticated peers are short, which bounds their memory.
func ReadFrame(src io.Reader) (frame.Header, []byte, error) {
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
