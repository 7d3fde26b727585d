package mesh

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// clusterKey are credentials with the cluster key that begins with n.
func clusterKey(n byte) *auth.Credentials { return auth.WithKey(auth.Key{n}) }

// clientKey are those of a client whose certificate that key has signed.
func clientKey(t testing.TB, n byte, name string) *auth.Credentials {
	t.Helper()
	ca, err := auth.Key{n}.Authority()
	if err != nil {
		t.Fatal(err)
	}
	return (&pki{t, ca, t.TempDir()}).client(name)
}

// pki is an authority and where its certificates are.
type pki struct {
	t   testing.TB
	ca  *auth.Authority
	dir string
}

func newPKI(t testing.TB, cluster string) *pki {
	t.Helper()
	ca, err := auth.NewAuthority(cluster, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &pki{t, ca, t.TempDir()}
}

func (p *pki) file(name string, b []byte) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// node are credentials of a node, made at a time.
func (p *pki) node(id foci.NodeID, made time.Time) *auth.Credentials {
	p.t.Helper()
	cert, key, err := p.ca.Node(id, "n", made)
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := auth.LoadCertificates(files.OS(), auth.Files{
		Cert: p.file("cert.pem", cert), Key: p.file("key.pem", key), CA: p.file("ca.pem", p.ca.Cert()),
	}, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return auth.WithCertificates(c, nil)
}

func (p *pki) client(name string) *auth.Credentials {
	p.t.Helper()
	text, err := p.ca.Client(name, rights.Data(), time.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := auth.LoadCredential(files.OS(), p.file(name, text), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func with(c *auth.Credentials) func(*Config) { return func(cfg *Config) { cfg.Auth = c } }

// TestProvedLinks: members and clients with the right credentials talk, in
// every class, with bodies of every size.
func TestProvedLinks(t *testing.T) {
	home := newPKI(t, "test")
	for name, creds := range map[string]struct{ server, member, client *auth.Credentials }{
		"key":         {clusterKey(1), clusterKey(1), clientKey(t, 1, "web")},
		"key, member": {clusterKey(1), clusterKey(1), clusterKey(1)},
		"tls":         {home.node(nodeID(1), time.Now()), home.node(nodeID(2), time.Now()), home.client("web")},
		"tls, member": {home.node(nodeID(1), time.Now()), home.node(nodeID(2), time.Now()), home.node(nodeID(3), time.Now())},
	} {
		t.Run(name, func(t *testing.T) {
			server := startNode(t, 1, with(creds.server))
			for _, from := range []*node{startNode(t, 2, with(creds.member)), startClient(t, with(creds.client))} {
				l := connect(t, from, server, false)
				for class := range foci.NumClasses {
					for _, n := range []int{0, 100, 300 << 10, 2 << 20} {
						r, err := l.Call(testContext(t), class, methodEcho, []byte("head"), make([]byte, n))
						if err != nil || len(r.Body) != n {
							t.Fatalf("class %v, %d bytes: %v", class, n, err)
						}
					}
				}
			}
			idle(t, server.Mesh)
		})
	}
}

// TestNotLetIn: whoever lacks what a node asks for, or has something else, is
// told what is missing, at both ends of every combination.
func TestNotLetIn(t *testing.T) {
	home, strange := newPKI(t, "test"), newPKI(t, "test")
	tlsNode := home.node(nodeID(1), time.Now())
	for name, tc := range map[string]struct {
		server, dialler *auth.Credentials
		member          bool
		want            string
	}{
		"nothing to a key":           {clusterKey(1), nil, false, "asks for TLS"},
		"nothing to a key, member":   {clusterKey(1), nil, true, "nodes: key"},
		"another key":                {clusterKey(1), clusterKey(2), true, "not of an authority (cluster key"},
		"another cluster's client":   {clusterKey(1), clientKey(t, 2, "web"), false, "not of an authority"},
		"a key to nothing":           {nil, clusterKey(1), true, "speaks no TLS"},
		"a client's key to nothing":  {nil, clientKey(t, 1, "web"), false, "speaks no TLS"},
		"a key to an authority":      {tlsNode, clusterKey(1), true, "not of an authority"},
		"nothing to TLS":             {tlsNode, nil, false, "asks for TLS"},
		"TLS to nothing":             {nil, home.node(nodeID(2), time.Now()), true, "no TLS"},
		"an authority to a key":      {clusterKey(1), home.client("web"), false, "not of an authority"},
		"wrong ca":                   {tlsNode, strange.client("web"), false, "not of an authority"},
		"wrong ca, member":           {tlsNode, strange.node(nodeID(2), time.Now()), true, "not of an authority"},
		"expired node":               {home.node(nodeID(1), time.Now().AddDate(-6, 0, 0)), home.client("web"), false, "expired at"},
		"expired member dials":       {tlsNode, home.node(nodeID(2), time.Now().AddDate(-6, 0, 0)), true, "expired at"},
		"another node's certificate": {home.node(nodeID(7), time.Now()), home.client("web"), false, "not its own"},
	} {
		t.Run(name, func(t *testing.T) {
			server := startNode(t, 1, func(c *Config) { c.Auth = loose(c, tc.server) })
			addr := server.addr
			if name == "another node's certificate" {
				addr = pretend(t, nodeID(1), tc.server)
			}
			from := startClient(t, with(tc.dialler))
			if tc.member {
				from = startNode(t, 2, with(tc.dialler))
			}
			_, err := from.Dial(testContext(t), addrOf(addr), false)
			if foci.KindOf(err) != foci.Denied || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v", err)
			}
			if addr == server.addr {
				waitFor(t, "a refusal", func() bool { return server.Stats().Refused > 0 })
			}
		})
	}
}

// loose gives credentials to a node that they are for; other ones are left to a
// pretender, for New refuses them.
func loose(c *Config, creds *auth.Credentials) *auth.Credentials {
	if certs := creds.Certificates(); certs != nil && certs.Name().Node != c.Node {
		return nil
	}
	return creds
}

// pretend listens with the certificate of one node and says that it is another.
func pretend(t *testing.T, id foci.NodeID, creds *auth.Credentials) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		c := creds.Certificates().Accept(conn)
		if c.Handshake() != nil {
			return
		}
		if _, _, err := handshake.ReadFrame(c); err != nil {
			return
		}
		w := handshake.Welcome{Protocol: 1, Cluster: "test", Node: id, Role: foci.RoleData, Window: frame.DefWindow, Streams: 9, Auth: auth.StepTLS}
		_, _ = c.Write(frame.Append(nil, &frame.Header{Type: frame.Welcome}, w.Append(nil), nil))
		_, _, _ = handshake.ReadFrame(c) // until it hangs up
	}()
	return ln.Addr().String()
}

// TestForeignRoles: a client's credential does not make a member, neither in a
// mesh that is asked for it nor in the hands of one who says so on the wire.
func TestForeignRoles(t *testing.T) {
	home := newPKI(t, "test")
	for name, creds := range map[string]*auth.Credentials{"key": clientKey(t, 1, "web"), "tls": home.client("web")} {
		for _, role := range []foci.Role{foci.RoleData, foci.RoleClient} {
			_, err := New(Config{Cluster: "test", Node: nodeID(2), Role: role, Auth: creds})
			if foci.KindOf(err) != foci.Denied || !strings.Contains(err.Error(), "not good for a member") {
				t.Errorf("%s, %v: %v", name, role, err)
			}
		}
	}
	if _, err := New(Config{Cluster: "test", Node: nodeID(2), Role: foci.RoleData, Auth: home.node(nodeID(3), time.Now())}); foci.KindOf(err) != foci.Denied {
		t.Errorf("another node's certificate: %v", err)
	}
	if _, err := New(Config{Cluster: "work", Node: nodeID(3), Role: foci.RoleData, Auth: home.node(nodeID(3), time.Now())}); foci.KindOf(err) != foci.Denied {
		t.Errorf("another cluster's certificate: %v", err)
	}
	asMember := func(h *handshake.Hello) { h.Node, h.Role = nodeID(2), foci.RoleData }
	for _, tc := range []struct{ node, client *auth.Credentials }{
		{clusterKey(1), clientKey(t, 1, "web")}, {home.node(nodeID(1), time.Now()), home.client("web")},
	} {
		conn, err := net.Dial("tcp", startNode(t, 1, with(tc.node)).addr)
		if err != nil {
			t.Fatal(err)
		}
		r := rawConn(t, tc.client.Certificates().Dial(conn).Conn)
		r.refused("not good for a member", asMember, func(h *handshake.Hello) { h.Auth = auth.StepTLS })
	}
}

// TestPlainHello: a node with a key takes no hello without TLS, whatever step of
// authentication it offers, and says so in plain.
func TestPlainHello(t *testing.T) {
	nd := startNode(t, 1, with(clusterKey(1)))
	for step, want := range map[uint8]string{
		auth.StepNone: "asks for TLS", auth.StepKey: "stopped and started together", auth.StepTLS: "asks for TLS",
	} {
		rawDial(t, nd.addr).refused(want, func(h *handshake.Hello) { h.Auth, h.Proof = step, make([]byte, handshake.NonceSize) })
	}
}

// refused says hello and wants to be refused with a text.
func (r *raw) refused(want string, change ...func(*handshake.Hello)) {
	r.t.Helper()
	r.send(frame.Header{Type: frame.Hello}, helloOf(func(h *handshake.Hello) {
		for _, f := range change {
			f(h)
		}
	}))
	h, b := r.next()
	err := frame.DecodeError(foci.NodeID{}, b)
	if h.Type != frame.Refuse || foci.KindOf(err) != foci.Denied || !strings.Contains(err.Error(), want) {
		r.t.Errorf("type %d, %v; want %q", h.Type, err, want)
		return
	}
	r.ended()
}

// TestSelf: a node that dials its own address knows it, whatever is proved.
func TestSelf(t *testing.T) {
	home := newPKI(t, "test")
	for name, creds := range map[string]*auth.Credentials{"nothing": nil, "key": clusterKey(1), "tls": home.node(nodeID(1), time.Now())} {
		nd := startNode(t, 1, with(creds))
		if _, err := nd.Dial(testContext(t), addrOf(nd.addr), false); !errors.Is(err, ErrSelf) || foci.KindOf(err) != foci.Denied {
			t.Errorf("%s: %v", name, err)
		}
		twin := startNode(t, 1, with(creds)) // of a copied directory
		if _, err := twin.Dial(testContext(t), addrOf(nd.addr), false); errors.Is(err, ErrSelf) || foci.KindOf(err) != foci.Denied {
			t.Errorf("%s: another process with our id: %v", name, err)
		}
	}
}

// TestOlderIncarnation: a process that should have ended is not let in once the
// node's new start was met, and what it had open is closed.
func TestOlderIncarnation(t *testing.T) {
	nd := startNode(t, 1)
	start := func(i foci.Incarnation) *node {
		return startNode(t, 2, func(c *Config) { c.Incarnation = i })
	}
	old := start(5)
	l := connect(t, old, nd, true)
	waitEvent(t, old, true)
	connect(t, start(6), nd, false)
	waitEvent(t, old, false)
	waitFor(t, "a refusal", func() bool {
		_, err := l.Call(context.Background(), foci.Reg, methodNull, nil, nil)
		return foci.KindOf(err) == foci.Unreachable && strings.Contains(err.Error(), "older process")
	})
	if _, err := nd.Dial(testContext(t), addrOf(old.addr), false); foci.KindOf(err) != foci.Denied {
		t.Errorf("it is believed when it is dialled: %v", err)
	}
}

// TestGuarded: nobody listens beyond loopback with nothing to prove, unless he
// says so.
func TestGuarded(t *testing.T) {
	base := Config{Cluster: "test", Node: nodeID(1), Role: foci.RoleData, Handler: HandlerFunc(func(*Incoming) {}), Listen: []Listener{{Addr: "0.0.0.0:0"}}}
	if _, err := New(base); foci.KindOf(err) != foci.Denied || !strings.Contains(err.Error(), "--insecure") {
		t.Errorf("%v", err)
	}
	for name, change := range map[string]func(*Config){
		"insecure": func(c *Config) { c.Insecure = true },
		"key":      with(clusterKey(1)),
		"loopback": func(c *Config) {
			c.Listen = []Listener{{Addr: "localhost:0"}, {Addr: "[::1]:0"}, {Addr: "127.9.9.9:0"}}
		},
	} {
		cfg := base
		change(&cfg)
		m, err := New(cfg)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = m.Close()
	}
}

// TestRenewed: a node judges by new files without a restart.
func TestRenewed(t *testing.T) {
	home, fresh := newPKI(t, "test"), newPKI(t, "test")
	nd := startNode(t, 1, with(home.node(nodeID(1), time.Now())))
	connect(t, startClient(t, with(home.client("web"))), nd, false)
	cert, key, err := fresh.ca.Node(nodeID(1), "n", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	home.file("ca.pem", fresh.ca.Cert())
	home.file("key.pem", key)
	home.file("cert.pem", cert)
	creds := fresh.client("web")
	waitFor(t, "the new files to be used", func() bool {
		_, err := startClient(t, with(creds)).Dial(testContext(t), addrOf(nd.addr), false)
		return err == nil
	})
	if _, err := startClient(t, with(home.client("db"))).Dial(testContext(t), addrOf(nd.addr), false); foci.KindOf(err) != foci.Denied {
		t.Errorf("the old authority is still believed: %v", err)
	}
}
