package mesh

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// recordHandshake is the first byte of TLS.
const recordHandshake = 0x16

// errSpeaksTLS is opening's answer to it.
var errSpeaksTLS = foci.Errorf(foci.Protocol, "it speaks TLS")

// shield puts TLS over a connection that we dialled, if we have a certificate, and
// returns the certificate of the other side; nil without TLS.
func (m *Mesh) shield(conn net.Conn) (net.Conn, *auth.Shown, error) {
	certs := m.cfg.Auth.Certificates()
	if certs == nil {
		return conn, nil, nil
	}
	c := certs.Dial(frame.UnderTLS(conn))
	err := c.Handshake()
	var plain tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case err == nil:
		shown, err := c.Peer()
		return c.Conn, shown, err
	case errors.As(err, &plain) && string(plain.RecordHeader[:4]) == "FOC1":
		err = &foci.Error{
			Kind: foci.Denied, Msg: "it speaks no TLS: it has neither key nor certificate, or a key and protocol 1",
			Fix: "give that node key or [tls] in foci.toml, or come without a credential; for the upgrade from protocol 1 see docs/upgrade.md",
		}
	case errors.As(err, &alert):
		err = foci.Errorf(foci.Denied, "TLS: %w", err)
	}
	return conn, nil, err
}

// maxStranger is how many bytes TLS may read of one whom it does not know yet:
// enough for his first message and a chain of certificates.
const maxStranger = 16 << 10

// shaking is the part of those who are not known yet that may be in the middle
// of a handshake of TLS at a time; of too many the oldest is dropped. Such a
// handshake takes up to 45 KiB, waiting for its first byte 5: so all strangers
// together stay below 16 KiB for each that there may be.
const shaking = 4

// stranger is a connection that came in, below TLS, before it is proved. It
// bounds what is read, and so what is kept, and how many handshakes compute at a
// time: one that waits for its peer takes no turn from others.
type stranger struct {
	net.Conn
	turns   chan struct{}
	left    int
	first   []byte // read ahead
	turn    bool   // we have one
	trusted bool
}

// await waits for the first byte.
func (s *stranger) await() error {
	s.first = make([]byte, 1)
	_, err := s.Conn.Read(s.first)
	return err
}

// NetConn is the connection itself.
func (s *stranger) NetConn() net.Conn { return s.Conn }

// Read reads within the bound. One goroutine reads a channel, from the first
// byte to the last.
func (s *stranger) Read(p []byte) (int, error) {
	if s.trusted {
		return s.Conn.Read(p)
	}
	if len(s.first) > 0 {
		n := copy(p, s.first)
		s.first = s.first[n:]
		return n, nil
	}
	if s.left == 0 {
		return 0, foci.Errorf(foci.TooLarge, "over %d bytes before it is known who sends them", maxStranger)
	}
	if s.turn {
		<-s.turns
		defer func() { s.turns <- struct{}{} }()
	}
	n, err := s.Conn.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}

// handshake does that of TLS and judges the certificate that was shown, in one
// turn: both compute. shook is false when TLS itself has failed.
func (s *stranger) handshake(c auth.Conn) (shown *auth.Shown, shook bool, err error) {
	s.turns <- struct{}{}
	s.turn = true
	defer func() {
		s.turn = false
		<-s.turns
	}()
	if err := c.Handshake(); err != nil {
		return nil, false, err
	}
	shown, err = c.Peer()
	return shown, true, err
}

// trust lifts the bound from a connection whose peer is proved.
func trust(conn net.Conn) {
	if c, is := conn.(*tls.Conn); is {
		if s, is := c.NetConn().(*stranger); is {
			s.trusted = true
		}
	}
}

// receive puts TLS over a connection that came in, if we have a certificate, and
// returns that of the other side; nil without TLS.
func (m *Mesh) receive(conn net.Conn) (net.Conn, *auth.Shown, error) {
	certs := m.cfg.Auth.Certificates()
	if certs == nil {
		return conn, nil, nil
	}
	s := &stranger{Conn: frame.UnderTLS(conn), turns: m.turns, left: maxStranger}
	if err := s.await(); err != nil {
		return conn, nil, err
	}
	if s.first[0] == plainFirst {
		if mutant.On(mutant.PlainHello) {
			s.trusted = true
			return s, nil, nil
		}
		return conn, nil, m.refusePlain(s)
	}
	defer m.shaking.enter(conn)()
	c := certs.Accept(s)
	shown, shook, err := s.handshake(c)
	switch {
	case !shook:
		return conn, nil, foci.Errorf(foci.Denied, "TLS: %w", err)
	case err != nil:
		return conn, nil, m.refuse(c.Conn, err)
	}
	return c.Conn, shown, nil
}

// plainFirst is the first byte of a frame that is under no TLS.
const plainFirst = 'F'

// refusePlain reads the hello of a peer that speaks no TLS, only to say what is
// missing. Nothing else is read.
func (m *Mesh) refusePlain(conn net.Conn) error {
	h, said, err := opening(conn)
	if err != nil {
		return err
	}
	if h.Type != frame.Hello {
		return foci.Errorf(foci.Protocol, "the channel begins with a frame of type %d", h.Type)
	}
	hello, _, err := m.parseHello(said)
	if err == nil {
		err = m.unlike(hello.Auth)
	}
	return m.refuse(conn, err)
}
