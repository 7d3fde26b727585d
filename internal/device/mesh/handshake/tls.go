package handshake

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

// errSpeaksTLS is the error of [ReadFrame] when it reads the beginning of TLS.
var errSpeaksTLS = foci.Errorf(foci.Protocol, "it speaks TLS")

// dialTLS runs the dialling side of TLS, if this process has a certificate, and
// returns the certificate of the peer; nil without TLS.
func (e *Endpoint) dialTLS(conn net.Conn) (net.Conn, *auth.Shown, error) {
	certs := e.cfg.Auth.Certificates()
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
			Fix: "give that node key or [tls] in foci.toml, or connect without a credential; for the upgrade from protocol 1 see docs/upgrade.md",
		}
	case errors.As(err, &alert):
		err = foci.Errorf(foci.Denied, "TLS: %w", err)
	}
	return conn, nil, err
}

// maxUnauthenticated is how many bytes TLS may read from a peer before it is
// authenticated: enough for its first message and a chain of certificates.
const maxUnauthenticated = 16 << 10

// shaking bounds the TLS handshakes: one in so many of the unauthenticated connections
// may be in the middle of one; above that the oldest is closed. A handshake takes up to
// 45 KiB of memory, a connection that waits for its first byte 5. So the average is
// below 16 KiB.
const shaking = 4

// bounded is an accepted connection, below TLS, until its peer is authenticated. It
// bounds the bytes read, and so the memory, and the number of handshakes that compute
// at a time. A handshake that waits for its peer holds no turn.
type bounded struct {
	net.Conn
	turns         chan struct{}
	left          int    // bytes that may be read
	first         []byte // read ahead
	turn          bool   // it holds a token of turns
	authenticated bool
}

// await waits for the first byte.
func (s *bounded) await() error {
	s.first = make([]byte, 1)
	_, err := s.Conn.Read(s.first)
	return err
}

// NetConn is the connection itself.
func (s *bounded) NetConn() net.Conn { return s.Conn }

// Read reads within the bounds. One goroutine reads a channel, from the first byte
// to the last.
func (s *bounded) Read(p []byte) (int, error) {
	if s.authenticated {
		return s.Conn.Read(p)
	}
	if len(s.first) > 0 {
		n := copy(p, s.first)
		s.first = s.first[n:]
		return n, nil
	}
	if s.left == 0 {
		return 0, foci.Errorf(foci.TooLarge, "over %d bytes from an unauthenticated peer", maxUnauthenticated)
	}
	if s.turn {
		<-s.turns
		defer func() { s.turns <- struct{}{} }()
	}
	n, err := s.Conn.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}

// handshake runs the listening side of TLS and validates the peer's certificate, in
// one turn because both compute. shook is false when TLS itself has failed.
func (s *bounded) handshake(c auth.Conn) (shown *auth.Shown, shook bool, err error) {
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

// unbind lifts the bounds of a connection whose peer is authenticated.
func unbind(conn net.Conn) {
	if c, is := conn.(*tls.Conn); is {
		if s, is := c.NetConn().(*bounded); is {
			s.authenticated = true
		}
	}
}

// acceptTLS runs the listening side of TLS, if this process has a certificate, and
// returns the certificate of the peer; nil without TLS.
func (e *Endpoint) acceptTLS(conn net.Conn) (net.Conn, *auth.Shown, error) {
	certs := e.cfg.Auth.Certificates()
	if certs == nil {
		return conn, nil, nil
	}
	s := &bounded{Conn: frame.UnderTLS(conn), turns: e.turns, left: maxUnauthenticated}
	if err := s.await(); err != nil {
		return conn, nil, err
	}
	if s.first[0] == plainFirst {
		if mutant.On(mutant.PlainHello) {
			s.authenticated = true
			return s, nil, nil
		}
		return conn, nil, e.refusePlain(s)
	}
	defer e.shaking.enter(conn)()
	c := certs.Accept(s)
	shown, shook, err := s.handshake(c)
	switch {
	case !shook:
		return conn, nil, foci.Errorf(foci.Denied, "TLS: %w", err)
	case err != nil:
		return conn, nil, refuse(c.Conn, err)
	}
	return c.Conn, shown, nil
}

// plainFirst is the first byte of a frame without TLS.
const plainFirst = 'F'

// refusePlain reads the hello of a peer without TLS, only to explain the refusal. It
// reads nothing else.
func (e *Endpoint) refusePlain(conn net.Conn) error {
	h, contents, err := ReadFrame(conn)
	if err != nil {
		return err
	}
	if h.Type != frame.Hello {
		return foci.Errorf(foci.Protocol, "the channel begins with a frame of type %d", h.Type)
	}
	hello, _, err := e.parseHello(contents)
	if err == nil {
		err = e.wrongStep(hello.Auth)
	}
	return refuse(conn, err)
}
