package mesh

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/auth"
)

// TestResumed: the second channel to a node costs no new exchange of
// certificates.
func TestResumed(t *testing.T) {
	home := newPKI(t, "test")
	nd := startNode(t, 1, with(home.node(nodeID(1), time.Now())))
	client := startClient(t, with(home.client("web")))
	for i := range 2 {
		ch, err := client.open(testContext(t), addrOf(nd.addr), foci.NodeID{}, foci.Ping, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := ch.Conn.(*tls.Conn).ConnectionState().DidResume; got != (i > 0) {
			t.Errorf("channel %d: resumed %v", i, got)
		}
		_ = ch.Conn.Close()
	}
}

// BenchmarkOpen is a channel opened and closed, both ends.
func BenchmarkOpen(b *testing.B) {
	home := newPKI(b, "test")
	for _, tc := range []struct {
		name string
		c    [2]*auth.Credentials
	}{
		{"nothing", [2]*auth.Credentials{}},
		{"key", [2]*auth.Credentials{clusterKey(1), clientKey(b, 1, "web")}},
		{"tls", [2]*auth.Credentials{home.node(nodeID(1), time.Now()), home.client("web")}},
	} {
		b.Run(tc.name, func(b *testing.B) {
			nd := startNode(b, 1, with(tc.c[0]))
			client := startClient(b, with(tc.c[1]))
			for b.Loop() {
				ch, err := client.open(testContext(b), addrOf(nd.addr), foci.NodeID{}, foci.Ping, 0)
				if err != nil {
					b.Fatal(err)
				}
				_ = ch.Conn.Close()
			}
		})
	}
}
