package mesh

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// tlsConfig is good for both sides of TLS 1.3 between anybody: what is tested
// here is what encryption costs, not who comes in.
func tlsConfig(t testing.TB) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, DynamicRecordSizingDisabled: true,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
	}
}

// unlinked serves one end of a connection as a channel that no link knows of.
func unlinked(t testing.TB, m *Mesh, conn net.Conn, dials bool) *channel {
	ch := newChannel(m, conn, Identity{}, foci.Bulk, 0, wire.DefWindow, wire.DefWindow, 4096)
	if dials {
		ch.link = newLink(m, Peer{Node: foci.NodeID{9}})
	} else if a, err := m.shares.open(ch.peer.Who(), ch.class); err == nil {
		ch.account = a
	}
	m.begin(func() { ch.run(newFrameReader(conn)) })
	t.Cleanup(func() { ch.close(errShutdown) })
	return ch
}

// rawPair is a TCP connection, both ends.
func rawPair(t testing.TB) (dialled, accepted net.Conn) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dialled, err = net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if accepted, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	return dialled, accepted
}

// TestCloseOverTLS: a peer that takes nothing does not hold up whoever gives it
// up, though TLS would like to say goodbye to it.
func TestCloseOverTLS(t *testing.T) {
	config := tlsConfig(t)
	near, far := rawPair(t)
	client, server := tls.Client(underTLS(near), config), tls.Server(far, config)
	shaken := make(chan error, 1)
	go func() { shaken <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	ch := unlinked(t, startClient(t).Mesh, client, false)
	ch.mu.Lock()
	ch.out = make([]byte, 32<<20) // more than the system takes in
	ch.rouse()
	ch.mu.Unlock()
	taken := func() bool {
		c, _ := below[*recordConn](client.NetConn())
		if c.mu.TryLock() {
			c.mu.Unlock()
			return false
		}
		return true
	}
	for held := 0; held < 100; held++ { // it writes all that it can
		if time.Sleep(5 * time.Millisecond); !taken() {
			held = 0
		}
	}
	began := time.Now()
	ch.close(errShutdown)
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
}
