package mesh

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci"
)

// heard is what OnPeer said last of each peer.
type heard struct {
	mu sync.Mutex
	up map[foci.NodeID]bool
}

func (h *heard) note(e PeerEvent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.up[e.Peer.Node] = e.Up
}

func (h *heard) of(id foci.NodeID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.up[id]
}

// TestChurn: dialled by hand and by themselves, cut and restarted all the time,
// links to peers that are up become usable soon, and OnPeer says so.
func TestChurn(t *testing.T) {
	const peers, rounds = 3, 12
	var c cable
	h := heard{up: map[foci.NodeID]bool{}}
	client := startClient(t, func(cfg *Config) { cfg.Dial, cfg.OnPeer = c.dial, h.note })
	servers := make([]*node, peers)
	for i := range servers {
		servers[i] = startNode(t, byte(i+1))
	}
	for round := range rounds {
		churn(t, client, servers, &c)
		if round%3 == 2 {
			i := rand.IntN(peers)
			at := servers[i].addr
			_ = servers[i].Close()
			servers[i] = startNode(t, byte(i+1), func(cfg *Config) { cfg.Listen[0].Addr = at })
		}
		for _, s := range servers {
			l, err := client.AddPeer(Peer{Node: s.id, Addrs: at(s.addr), Eager: true})
			if err != nil {
				t.Fatal(err)
			}
			for class := range foci.NumClasses {
				waitFor(t, "every class to be usable", func() bool {
					_, err := l.Call(testContext(t), class, methodNull, nil, nil)
					return err == nil
				})
			}
			waitFor(t, "OnPeer to agree that it is up", func() bool { return h.of(s.id) == l.Up() && l.Up() })
		}
	}
}

// churn dials, adds, asks and cuts at the same time, for a moment.
func churn(t *testing.T, client *node, servers []*node, c *cable) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var work sync.WaitGroup
	forever := func(f func(s *node)) {
		work.Go(func() {
			for ctx.Err() == nil {
				f(servers[rand.IntN(len(servers))])
			}
		})
	}
	for range 2 {
		forever(func(s *node) { _, _ = client.Dial(ctx, addrOf(s.addr), true) }) // it may be cut
		forever(func(s *node) {
			l, err := client.AddPeer(Peer{Node: s.id, Addrs: at(s.addr), Eager: true})
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = l.Call(ctx, foci.Class(rand.IntN(int(foci.NumClasses))), methodEcho, nil, []byte("x"))
		})
	}
	forever(func(*node) {
		select {
		case <-time.After(rand.N(5 * time.Millisecond)):
			c.cut()
		case <-ctx.Done():
		}
	})
	work.Wait()
}
