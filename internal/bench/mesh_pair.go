package bench

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// meshPair is both ends of a link.
type meshPair struct {
	server, client *mesh.Mesh
	link           *mesh.Link

	mu    sync.Mutex // guards the fields below
	conns []net.Conn // that the client has dialled
}

// answer echoes short requests and answers long ones with an empty reply.
func answer(in *mesh.Incoming) {
	if in.Stream() == nil {
		in.Reply(in.Head, in.Body)
		return
	}
	in.Collect(func(error) { in.Reply(nil, nil) })
}

func newMeshPair(ctx context.Context, channels int) (*meshPair, error) {
	p := &meshPair{}
	var each [foci.NumClasses]int
	each[foci.Reg], each[foci.Bulk] = channels, channels
	var err error
	p.server, err = mesh.New(mesh.Config{
		Cluster: "bench", Node: foci.NodeID{1}, Role: foci.RoleData, Channels: each,
		Listen: []mesh.Listener{{Addr: "127.0.0.1:0"}}, Handler: mesh.HandlerFunc(answer),
	})
	if err != nil {
		return nil, err
	}
	p.client, err = mesh.New(mesh.Config{Role: foci.RoleTransport, Channels: each, Dial: p.dial})
	if err == nil {
		p.link, err = p.client.Dial(ctx, route.AddressOf(netip.MustParseAddrPort(p.server.Addrs()[0].String())), true)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *meshPair) close() {
	if p.client != nil {
		_ = p.client.Close() // never fails
	}
	_ = p.server.Close() // never fails
}

// call sends one request of a class and waits for its answer.
func (p *meshPair) call(ctx context.Context, class foci.Class, head, body []byte) error {
	_, err := p.link.Call(ctx, class, wire.MethodPing, head, body)
	return err
}

// callers runs do repeatedly in n goroutines for d. It returns how long each call took,
// sorted, and the first error.
func callers(n int, d time.Duration, do func() error) (took []time.Duration, failed error) {
	var stop atomic.Bool
	time.AfterFunc(d, func() { stop.Store(true) })
	each := make([][]time.Duration, n)
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for !stop.Load() {
				began := time.Now()
				if err := do(); err != nil {
					errs[i] = err
					return
				}
				each[i] = append(each[i], time.Since(began))
			}
		})
	}
	all.Wait()
	for i := range n {
		took = append(took, each[i]...)
		if failed == nil {
			failed = errs[i]
		}
	}
	slices.Sort(took)
	return took, failed
}

// at returns the q-quantile of sorted times, in microseconds.
func at(took []time.Duration, q float64) float64 {
	if len(took) == 0 {
		return 0
	}
	return float64(took[min(int(q*float64(len(took))), len(took)-1)].Nanoseconds()) / 1e3
}
