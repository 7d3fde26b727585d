package hostile

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// attacker is one hostile process: what it knows and has.
type attacker struct {
	remotes []string
	certs   *auth.Certificates // of its credential; nil: it has none
	client  *client.Client     // by which it learns and stores what an honest client may; nil likewise
	nodes   []client.NodeStatus
}

// attack is one way to do harm. It goes on until ctx ends. An error says that the
// harm was done; being refused or cut off is none.
type attack struct {
	name string
	run  func(context.Context, *attacker) error
}

// byClients are the attacks that a client's credential is good for.
var byClients = []attack{
	{"brick keys", brickKeys},
	{"forge routes", forgeRoutes},
	{"impersonate", impersonate},
	{"announce bodies", announceBodies},
	{"hoard replies", hoardReplies},
	{"take connections", takeConnections},
	{"take watches", takeWatches},
	{"take control requests", takeControl},
	{"flood hints", floodHints},
}

// target names an owner's group, by the layout that the attacker was told.
func (a *attacker) target(node int) wire.Target {
	return wire.Target{Epoch: a.nodes[node].Node.Epoch, Group: a.nodes[node].Groups[0]}
}

// each runs an attack at all nodes at the same time.
func (a *attacker) each(ctx context.Context, do func(ctx context.Context, node int) error) error {
	errs := make([]error, len(a.remotes))
	var wg sync.WaitGroup
	for i := range a.remotes {
		wg.Go(func() { errs[i] = do(ctx, i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// keepOpen opens a channel again and again, whenever do has lost it, until ctx
// ends. An error of do is the attack's success.
func (a *attacker) keepOpen(ctx context.Context, node int, change func(*handshake.Hello), do func(context.Context, *channel) error) error {
	for ctx.Err() == nil {
		c, err := open(ctx, a.remotes[node], a.certs, change)
		if err != nil {
			pause(ctx, 50*time.Millisecond)
			continue
		}
		stop := context.AfterFunc(ctx, c.close)
		err = do(ctx, c)
		stop()
		c.close()
		if err != nil {
			return err
		}
		pause(ctx, 10*time.Millisecond)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// brickKeys removes the victims' keys at the last time that there is.
func brickKeys(ctx context.Context, a *attacker) error {
	return a.each(ctx, func(ctx context.Context, node int) error {
		var stored atomic.Int64
		err := a.keepOpen(ctx, node, nil, func(ctx context.Context, c *channel) error {
			go c.drain(func() { stored.Add(1) })
			for i := 0; ctx.Err() == nil; i++ {
				s := wire.Store{Target: a.target(node), Seen: foci.MaxTime - 3, Repair: i%2 == 0, Record: tombstone(victimName(i % victimKeys))}
				if c.request(wire.MethodStore, s.Append(nil)) != nil {
					break
				}
				pause(ctx, time.Millisecond)
			}
			return nil
		})
		if n := stored.Load(); n > 0 {
			return fmt.Errorf("node %d stored %d removes at the end of time", node+1, n)
		}
		return err
	})
}

func tombstone(n foci.Name) record.Record {
	r := record.Record{ID: foci.ObjectID(n), Name: n}
	r.Op, r.Version = record.OpRemove, foci.Version{Time: foci.MaxTime - 2, Nonce: 1}
	r.Seal()
	return r
}

// forgeRoutes tells routes under the nodes' ids, and epochs that no layout has.
func forgeRoutes(ctx context.Context, a *attacker) error {
	return a.each(ctx, func(ctx context.Context, node int) error {
		return a.keepOpen(ctx, node, func(h *handshake.Hello) { h.Class = foci.State }, func(ctx context.Context, c *channel) error {
			go c.drain(nil)
			for i := uint64(0); ctx.Err() == nil; i++ {
				q := wire.Routes{Epoch: 1 << 60, All: i%16 == 0}
				for _, n := range a.nodes {
					q.Routes = append(q.Routes, wire.Route{Node: n.ID, Incarnation: 1<<62 - 1, Counter: 1<<62 - 1 - i, Role: foci.RoleData, Addrs: []string{"127.0.0.1:9:2-0"}})
				}
				d := wire.Digest{Epoch: 1 << 60, Sums: []uint64{i}}
				if c.request(wire.MethodRoutes, q.Append(nil)) != nil || c.request(wire.MethodDigest, d.Append(nil)) != nil {
					break
				}
				pause(ctx, time.Millisecond)
			}
			return nil
		})
	})
}

// impersonate says hello as each node, from the end of time.
func impersonate(ctx context.Context, a *attacker) error {
	return a.each(ctx, func(ctx context.Context, node int) error {
		other := a.nodes[(node+1)%len(a.nodes)].ID
		for i := 0; ctx.Err() == nil; i++ {
			incarnation := foci.Incarnation(time.Now().Add(time.Hour).UnixMilli())
			if i%2 == 0 {
				incarnation = 1<<64 - 1
			}
			c, err := open(ctx, a.remotes[node], a.certs, func(h *handshake.Hello) { h.Node, h.Incarnation, h.Role = other, incarnation, foci.RoleData })
			if err == nil {
				c.close()
				return fmt.Errorf("node %d let a client in as node %v", node+1, other)
			}
			pause(ctx, 20*time.Millisecond)
		}
		return nil
	})
}

// announceBodies begins long requests and sends nothing of their bodies.
func announceBodies(ctx context.Context, a *attacker) error {
	const conns, headers = 16, 100
	return a.each(ctx, func(ctx context.Context, node int) error {
		var wg sync.WaitGroup
		for range conns {
			wg.Go(func() {
				_ = a.keepOpen(ctx, node, nil, func(ctx context.Context, c *channel) error {
					done := make(chan struct{})
					go func() { defer close(done); c.drain(nil) }()
					for i := range uint32(headers) {
						if c.frame(frame.Header{Type: frame.Request, Method: wire.MethodStore, Stream: i + 1, Head: 300, Body: foci.MaxPayload}, nil) != nil {
							break
						}
					}
					<-done
					return nil
				})
			})
		}
		wg.Wait()
		return nil
	})
}

// hoardReplies asks for long content and reads nothing of it.
func hoardReplies(ctx context.Context, a *attacker) error {
	name := foci.Name{Bucket: "hoard", Key: "big"}
	body := make([]byte, foci.MaxPayload)
	_, _ = rand.Read(body)
	if _, err := a.client.Session(client.SessionOptions{}).Put(ctx, name, bytes.NewReader(body), int64(len(body)), client.PutOptions{}); err != nil {
		return nil // shut out already
	}
	const conns, fetches = 16, 12
	return a.each(ctx, func(ctx context.Context, node int) error {
		var wg sync.WaitGroup
		for range conns {
			wg.Go(func() {
				_ = a.keepOpen(ctx, node, func(h *handshake.Hello) { h.Window = frame.MaxWindow }, func(ctx context.Context, c *channel) error {
					q := wire.Fetch{Target: a.target(node), ID: foci.ObjectID(name), MaxBytes: foci.MaxPayload, Scope: wire.ObjectScope(name)}
					for range fetches {
						if c.request(wire.MethodFetch, q.Append(nil)) != nil {
							return nil
						}
					}
					pause(ctx, time.Hour)
					return nil
				})
			})
		}
		wg.Wait()
		return nil
	})
}

// takeConnections opens as many channels as it can, and keeps them.
func takeConnections(ctx context.Context, a *attacker) error {
	const most = 1000 // at each node: what two processors can shake hands with in the time
	return a.each(ctx, func(ctx context.Context, node int) error {
		var kept []*channel
		for ctx.Err() == nil && len(kept) < most {
			c, err := open(ctx, a.remotes[node], a.certs, nil)
			if err != nil {
				pause(ctx, 20*time.Millisecond)
				continue
			}
			kept = append(kept, c)
		}
		<-ctx.Done()
		for _, c := range kept {
			c.close()
		}
		return nil
	})
}

// takeWatches waits for news on very many streams.
func takeWatches(ctx context.Context, a *attacker) error {
	return a.each(ctx, func(ctx context.Context, node int) error {
		return a.keepOpen(ctx, node, func(h *handshake.Hello) { h.Class = foci.State }, func(ctx context.Context, c *channel) error {
			first := wire.Watch{Wait: 30 * time.Second}
			if c.request(wire.MethodWatch, first.Append(nil)) != nil {
				return nil
			}
			_, contents, err := c.read()
			var news wire.Watched
			if err != nil || codec.Unmarshal(contents, &news) != nil {
				return nil
			}
			done := make(chan struct{})
			go func() { defer close(done); c.drain(nil) }()
			q := wire.Watch{Epoch: news.Epoch, Sums: news.Sums, Ups: news.Ups, Wait: 30 * time.Second}
			for range c.welcome.Streams - 1 {
				if c.request(wire.MethodWatch, q.Append(nil)) != nil {
					break
				}
			}
			<-done
			return nil
		})
	})
}

// takeControl asks for what nodes prepare on goroutines of their own.
func takeControl(ctx context.Context, a *attacker) error {
	ask := wire.Ask{What: "mesh"}
	return a.each(ctx, func(ctx context.Context, node int) error {
		return a.keepOpen(ctx, node, func(h *handshake.Hello) { h.Class = foci.State }, func(ctx context.Context, c *channel) error {
			go c.drain(nil)
			for ctx.Err() == nil {
				if c.request(wire.MethodStatus, ask.Append(nil)) != nil || c.request(wire.MethodLayout, nil) != nil {
					break
				}
				pause(ctx, 2*time.Millisecond)
			}
			return nil
		})
	})
}

// floodHints has nodes remember that other groups lack objects.
func floodHints(ctx context.Context, a *attacker) error {
	return a.each(ctx, func(ctx context.Context, node int) error {
		return a.keepOpen(ctx, node, nil, func(ctx context.Context, c *channel) error {
			go c.drain(nil)
			missed := a.target((node + 1) % len(a.nodes)).Group
			for i := 0; ctx.Err() == nil; i++ {
				n := foci.Name{Bucket: "hints", Key: fmt.Sprint(i)}
				if i%2 == 0 {
					n = victimName(i / 2 % victimKeys)
				}
				h := wire.Hint{Target: a.target(node), ID: foci.ObjectID(n), Missed: missed, Scope: wire.ObjectScope(n)}
				if c.request(wire.MethodHint, h.Append(nil)) != nil {
					break
				}
				if i%8 == 0 {
					pause(ctx, time.Millisecond)
				}
			}
			return nil
		})
	})
}
