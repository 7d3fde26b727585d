//go:build !race

package stream

import (
	"crypto/tls"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/conntest"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// idleChannels is how many are held open to measure what each takes.
const idleChannels = 1000

// TestIdleMemory: a channel that has nothing to do any more costs each side at
// most 16 KiB of heap and stacks, 40 with TLS, whatever went over it before.
func TestIdleMemory(t *testing.T) {
	for name, most := range map[string]int64{"tcp": 16 << 10, "tls": 40 << 10} {
		t.Run(name, func(t *testing.T) {
			wrap := func(conn net.Conn) (net.Conn, net.Conn) { return conn, conn }
			if name == "tls" {
				wrap = tlsPairs(t)
			}
			cfg := config(t)
			before := inUse()
			var clients []*Client
			var servers []*Server
			for range idleChannels {
				a, b := conntest.Pair(t)
				a, _ = wrap(a)
				_, b = wrap(b)
				clients, servers = append(clients, dial(t, cfg, a)), append(servers, serve(t, cfg, b))
			}
			for _, c := range clients {
				burst(t, c)
			}
			for range 3 { // a busy one is left alone, and seen once before it is idle
				for i := range clients {
					clients[i].Trim()
					servers[i].Trim()
				}
			}
			each := (inUse() - before) / int64(2*idleChannels)
			t.Logf("%s: %d bytes for each side of an idle channel", name, each)
			if each > most {
				t.Errorf("%d bytes for each side of an idle channel: want at most %d", each, most)
			}
		})
	}
}

// inUse is the memory of heap and stacks after collection.
func inUse() int64 {
	var m runtime.MemStats
	for range 3 { // stacks shrink by half each time, pools empty at the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// burst sends small and large requests at a time and waits for the answers.
func burst(t *testing.T, c *Client) {
	answers := make(chan error, 100)
	for i := range cap(answers) {
		q := &Request{Class: foci.Bulk, Method: methodEcho, Body: make([]byte, 1<<10)}
		if i == 0 {
			q.Body = make([]byte, 300<<10)
		}
		q.size, q.copied = int64(len(q.Body)), i > 0
		q.Done = func(_ *Reply, err error) { answers <- err }
		if err := c.Send(q); err != nil {
			t.Fatal(err)
		}
	}
	for range cap(answers) {
		select {
		case err := <-answers:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("no answer")
		}
	}
}

// tlsPairs makes a connection the client's or the server's side of TLS 1.3.
func tlsPairs(t testing.TB) func(net.Conn) (client, server net.Conn) {
	keys := conntest.TLS(t)
	return func(conn net.Conn) (net.Conn, net.Conn) {
		return tls.Client(frame.UnderTLS(conn), keys), tls.Server(frame.UnderTLS(conn), keys)
	}
}
