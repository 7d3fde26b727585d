package mesh

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/conntest"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// unlinked serves one end of a connection as a channel that no link knows of.
func unlinked(t testing.TB, m *Mesh, conn net.Conn, dials bool) *channel {
	ch := newChannel(m, &handshake.Opened{Conn: conn, Class: foci.Bulk, Window: frame.DefWindow, Streams: 4096})
	if dials {
		ch.link = newLink(m, Peer{Node: foci.NodeID{9}})
	} else if a, err := m.shares.open(ch.peer.Who(), ch.class); err == nil {
		ch.account = a
	}
	m.begin(ch.run)
	t.Cleanup(func() { ch.close(errShutdown) })
	return ch
}

// TestCloseOverTLS: a peer that takes nothing does not hold up whoever gives it
// up, though TLS would like to say goodbye to it.
func TestCloseOverTLS(t *testing.T) {
	config := conntest.TLS(t)
	near, far := conntest.Pair(t)
	under := &writing{Conn: near}
	client, server := tls.Client(under, config), tls.Server(far, config)
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
	for held := 0; held < 100; held++ { // it writes all that it can
		if time.Sleep(5 * time.Millisecond); !under.busy.Load() {
			held = 0
		}
	}
	began := time.Now()
	ch.close(errShutdown)
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
}

// writing is a connection that tells whether a write is under way.
type writing struct {
	net.Conn
	busy atomic.Bool
}

func (w *writing) Write(p []byte) (int, error) {
	w.busy.Store(true)
	defer w.busy.Store(false)
	return w.Conn.Write(p)
}
