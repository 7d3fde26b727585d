package stream

import (
	"testing"
	"time"

	"github.com/foci-store/foci/internal/device/mesh/conntest"
	"github.com/foci-store/foci/internal/testwait"
)

// TestRetire: the writer of a channel that has nothing to do ends, begins anew
// with the next request, and none is lost whenever the two meet.
func TestRetire(t *testing.T) {
	cfg := config(t)
	near, far := conntest.Pair(t)
	client, server := dial(t, cfg, near), serve(t, cfg, far)
	to := sender(client)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				client.Trim()
				server.Trim()
			}
		}
	}()
	for i := range 500 {
		body := make([]byte, i%3*copyMax)
		if r := call(t, to, methodEcho, nil, body); len(r.Body) != len(body) {
			t.Fatalf("%d bytes of %d", len(r.Body), len(body))
		}
	}
	close(stop)
	<-stopped
	testwait.True(t, 10*time.Second, "the writers to end", func() bool {
		client.Trim()
		server.Trim()
		return parked(&client.conn) && parked(&server.conn)
	})
	call(t, to, methodEcho, nil, nil)
}

func parked(c *conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parked
}
