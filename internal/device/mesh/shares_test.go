package mesh

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// rawTLS is a connection with a certificate; change is of its hello.
func rawTLS(t testing.TB, nd *node, creds *auth.Credentials, change func(*handshake.Hello)) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", nd.addr)
	if err != nil {
		t.Fatal(err)
	}
	r := rawConn(t, creds.Certificates().Dial(conn).Conn)
	r.send(frame.Header{Type: frame.Hello}, helloOf(func(h *handshake.Hello) {
		if h.Auth = auth.StepTLS; change != nil {
			change(h)
		}
	}))
	return r
}

// asMember says hello as node n.
func asMember(n byte) func(*handshake.Hello) {
	return func(h *handshake.Hello) { h.Node, h.Role, h.Incarnation = nodeID(n), foci.RoleData, 1 }
}

// answered is whether a hello was answered by a welcome, and the error if not.
func (r *raw) answered() error {
	r.t.Helper()
	h, b := r.next()
	if h.Type == frame.Welcome {
		return nil
	}
	return frame.DecodeError(foci.NodeID{}, b)
}

// TestConnectionsPerPrincipal: a client that opens connections without end
// leaves room for other clients, and all clients together for members.
func TestConnectionsPerPrincipal(t *testing.T) {
	home := newPKI(t, "test")
	nd := startNode(t, 1, with(home.node(nodeID(1), time.Now())), func(c *Config) { c.Limits.Conns = 16 })
	open := func(creds *auth.Credentials, change func(*handshake.Hello)) (n int, r *raw, err error) {
		for range 20 {
			next := rawTLS(t, nd, creds, change)
			if err = next.answered(); err != nil {
				return n, r, err
			}
			n, r = n+1, next
		}
		return n, r, nil
	}
	n, last, err := open(home.client("web"), nil)
	if n != 2 || foci.KindOf(err) != foci.Busy || !strings.Contains(err.Error(), "client/web holds its share, 2 of 16") {
		t.Fatalf("the first client has %d connections, then: %v", n, err)
	}
	if n, _, err = open(home.client("db"), nil); n != 2 {
		t.Errorf("the second client has %d connections, then: %v", n, err)
	}
	if n, _, err = open(home.node(nodeID(2), time.Now()), asMember(2)); n != 12 {
		t.Errorf("a member has %d connections, then: %v", n, err)
	}
	s := nd.Stats().Shares.Conns
	if s.Used != 16 || s.Limit != 16 || len(s.Top) != 3 || s.Top[0].Used != 12 || !s.Top[0].Member || s.Top[1].Principal != "client/db" {
		t.Errorf("stats: %+v", s)
	}
	_ = last.conn.Close()
	waitFor(t, "a connection to be free", func() bool { return nd.Stats().Shares.Conns.Used < 16 })
	if n, _, _ = open(home.client("web"), nil); n > 1 {
		t.Errorf("%d connections were opened in the place of one", n)
	}
}
