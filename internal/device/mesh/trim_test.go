package mesh

import (
	"testing"

	"github.com/foci-store/foci"
)

// TestRetire: the writer of a channel that has nothing to do ends, begins anew
// with the next request, and none is lost whenever the two meet.
func TestRetire(t *testing.T) {
	server, client := startNode(t, 1), startClient(t, oneChannel)
	l := connect(t, client, server, false)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				client.trim()
				server.trim()
			}
		}
	}()
	for i := range 500 {
		body := make([]byte, i%3*copyMax)
		r, err := l.Call(t.Context(), foci.Reg, methodEcho, nil, body)
		if err != nil || len(r.Body) != len(body) {
			t.Fatalf("%v, %d bytes of %d", err, len(r.Body), len(body))
		}
	}
	close(stop)
	<-stopped
	waitFor(t, "the writers to end", func() bool {
		client.trim()
		server.trim()
		away := true
		for _, ch := range l.channelList() {
			ch.mu.Lock()
			away = away && (ch.away || ch.class == foci.Ping)
			ch.mu.Unlock()
		}
		return away
	})
	if _, err := l.Call(t.Context(), foci.Reg, methodEcho, nil, nil); err != nil {
		t.Fatal(err)
	}
	idle(t, client.Mesh, server.Mesh)
}
