package peer

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
)

// TestClientSeeksSoon: however long a node has been away, a transport client
// finds it soon after it is back, for nobody tells the client.
func TestClientSeeksSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := make(chan time.Time, 10_000)
		p, err := New(Config{Layout: new(layout.Holder), Mesh: mesh.Config{
			Role: foci.RoleTransport,
			Dial: func(context.Context, string, string) (net.Conn, error) {
				tries <- time.Now()
				return nil, errors.New("nobody there")
			},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.mesh.AddPeer(mesh.Peer{Node: foci.NodeID{1}, Addrs: []route.Address{{Host: "away"}}, Eager: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute) // of the bubble's clock
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		close(tries)
		last, n := time.Time{}, 0
		for at := range tries {
			if pause := at.Sub(last); n > 0 && pause > redialPause {
				t.Errorf("%v between two attempts", pause)
			}
			last, n = at, n+1
		}
		if n < 150 {
			t.Errorf("%d attempts in five minutes", n)
		}
	})
}
