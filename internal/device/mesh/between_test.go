package mesh

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// proxy accepts one connection, ends its TLS with credentials of its own and
// passes everything on to a node under TLS of its own.
func proxy(t *testing.T, to string, creds *auth.Credentials) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	own := pair(t, 2)
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = ln.Close()
		<-done
	})
	go func() {
		defer close(done)
		near, err := ln.Accept()
		if err != nil {
			return
		}
		defer near.Close()
		far, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer far.Close()
		in := creds.Certificates().Accept(near)
		if in.Handshake() != nil {
			return
		}
		out := tls.Client(far, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{own}})
		back := make(chan struct{})
		go func() {
			defer close(back)
			_, _ = io.Copy(in, out)
			_ = near.Close()
		}()
		_, _ = io.Copy(out, in)
		_ = far.Close()
		<-back
	}()
	return ln.Addr().String()
}

// TestManInTheMiddle: a proxy that ends TLS on both sides with another authority
// is refused by both: the dialling side ends the handshake, and the node does not
// believe the proxy's certificate.
func TestManInTheMiddle(t *testing.T) {
	nd := startNode(t, 1, with(clusterKey(1)))
	other, err := clusterKey(2).For("test", nodeID(1), foci.RoleData)
	if err != nil {
		t.Fatal(err)
	}
	for name, creds := range map[string]*auth.Credentials{"client": clientKey(t, 1, "web"), "member": clusterKey(1)} {
		from := startClient(t, with(creds))
		if _, err := from.Dial(testContext(t), addrOf(proxy(t, nd.addr, other)), false); foci.KindOf(err) != foci.Denied {
			t.Errorf("a %s comes through: %v", name, err)
		}
	}
	conn, err := net.Dial("tcp", nd.addr)
	if err != nil {
		t.Fatal(err)
	}
	// A proxy that believes the node all the same is refused by it.
	r := rawConn(t, tls.Client(conn, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair(t, 2)}}))
	h, b := r.next()
	if err := frame.DecodeError(foci.NodeID{}, b); h.Type != frame.Refuse || !strings.Contains(err.Error(), "not of an authority") {
		t.Errorf("the node to the proxy: type %d, %v", h.Type, err)
	}
	r.ended()
	connect(t, startClient(t, with(clientKey(t, 1, "web"))), nd, false)
}

// pair is the certificate of node 2, signed with the key that begins with n.
func pair(t *testing.T, n byte) tls.Certificate {
	t.Helper()
	ca, err := auth.Key{n}.Authority()
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := ca.Node(nodeID(2), "n2", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
