package stream

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci/internal/device/mesh/conntest"
)

// TestCloseOverTLS: a peer that takes nothing does not hold up the goroutine that gives it
// up, though TLS would like to say goodbye to it.
func TestCloseOverTLS(t *testing.T) {
	keys := conntest.TLS(t)
	near, far := conntest.Pair(t)
	under := &writing{Conn: near}
	client, server := tls.Client(under, keys), tls.Server(far, keys)
	shaken := make(chan error, 1)
	go func() { shaken <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	ch := serve(t, config(t), client)
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
	ch.Close(errShutdown)
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
