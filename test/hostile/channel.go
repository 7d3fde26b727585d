package hostile

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// channel is a connection on which an attacker speaks frame by frame.
type channel struct {
	conn    net.Conn
	welcome handshake.Welcome
	next    uint32 // stream
	replies atomic.Int64
	errors  atomic.Int64
}

// errRefused is what a node said instead of a welcome.
var errRefused = errors.New("refused")

// dialTimeout bounds connecting and the handshake: a node under attack may drop
// a new connection.
const dialTimeout = 5 * time.Second

// open does a handshake with a node, with TLS when there are certificates.
func open(ctx context.Context, remote string, certs *auth.Certificates, change func(*handshake.Hello)) (*channel, error) {
	host := strings.TrimSuffix(remote, ":2")
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	c := &channel{conn: conn, next: 1}
	_ = conn.SetDeadline(time.Now().Add(dialTimeout))
	if certs != nil {
		t := certs.Dial(conn)
		if err := t.Handshake(); err != nil {
			_ = conn.Close()
			return nil, err
		}
		c.conn = t.Conn
	}
	if err := c.greet(certs != nil, change); err != nil {
		_ = conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return c, nil
}

func (c *channel) greet(shielded bool, change func(*handshake.Hello)) error {
	h := handshake.Hello{
		MinProtocol: wire.MinProtocol, MaxProtocol: wire.MaxProtocol, Role: foci.RoleTransport, Class: foci.Reg,
		Window: frame.DefWindow, Proof: make([]byte, handshake.NonceSize), Packing: frame.AllPackings,
	}
	if shielded {
		h.Auth = auth.StepTLS
	}
	if change != nil {
		change(&h)
	}
	if err := c.frame(frame.Header{Type: frame.Hello}, h.Append(nil)); err != nil {
		return err
	}
	got, contents, err := c.read()
	switch {
	case err != nil:
		return err
	case got.Type != frame.Welcome:
		return errRefused
	}
	return codec.Unmarshal(contents, &c.welcome)
}

// frame writes one frame.
func (c *channel) frame(h frame.Header, contents []byte) error {
	_, err := c.conn.Write(frame.Append(nil, &h, contents, nil))
	return err
}

// request sends a request that is whole in its first frame.
func (c *channel) request(m wire.Method, head []byte) error {
	c.next++
	h := frame.Header{Type: frame.Request, Method: m, Stream: c.next % c.welcome.Streams, Head: uint32(len(head))}
	return c.frame(h, head)
}

// read reads one frame.
func (c *channel) read() (frame.Header, []byte, error) {
	var h frame.Header
	var head [frame.HeaderSize]byte
	if _, err := io.ReadFull(c.conn, head[:]); err != nil {
		return h, nil, err
	}
	if err := frame.ParseHeader(head[:], &h); err != nil {
		return h, nil, err
	}
	contents := make([]byte, h.Size)
	_, err := io.ReadFull(c.conn, contents)
	return h, contents, err
}

// drain reads and counts replies until the connection ends; accepted is called
// with each that is no error.
func (c *channel) drain(accepted func()) {
	for {
		h, _, err := c.read()
		if err != nil {
			return
		}
		if h.Type != frame.Reply {
			continue
		}
		c.replies.Add(1)
		if h.Flags&frame.FlagError != 0 {
			c.errors.Add(1)
		} else if accepted != nil {
			accepted()
		}
	}
}

func (c *channel) close() {
	if t, is := c.conn.(*tls.Conn); is {
		_ = t.NetConn().Close() // without the farewell of TLS, which may wait
		return
	}
	_ = c.conn.Close()
}
