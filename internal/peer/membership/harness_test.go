package membership

import (
	"log/slog"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer/renewal"
	"github.com/foci-store/foci/internal/serve"
	"github.com/foci-store/foci/internal/testports"
)

// process is a process that has nothing but its membership and a mesh.
type process struct {
	*Members
	mesh  *mesh.Mesh
	began time.Time
}

func (p *process) now() time.Duration { return time.Since(p.began) }

func (p *process) Close() error {
	p.Stop()
	err := p.mesh.Close()
	p.Wait()
	return err
}

// alone stands in for links and paths, which no request takes here.
type alone struct{}

func (alone) Add(*mesh.Link)             {}
func (alone) Remove(foci.NodeID)         {}
func (alone) RoutesChanged()             {}
func (alone) ReachableAgain(foci.NodeID) {}

// starting is a data node that serves routes, and its address.
func starting(t testing.TB, n byte, creds *auth.Credentials, change ...func(*Config, *mesh.Config)) (*process, string) {
	t.Helper()
	addr := testports.Addr(t)
	a, err := route.ParseAddress(addr + ":2-0")
	if err != nil {
		t.Fatal(err)
	}
	p := &process{began: time.Now()}
	begun := make(chan struct{})
	var handlers *serve.Handlers
	mc := mesh.Config{
		Cluster: "c", Node: foci.NodeID{n}, Incarnation: 1, Role: foci.RoleData,
		Listen: []mesh.Listener{{Addr: addr}}, Timing: mesh.Timing{Grace: time.Second},
		Handler: mesh.HandlerFunc(func(in *mesh.Incoming) { <-begun; handlers.Serve(in) }),
		OnPeer: func(e mesh.PeerEvent) {
			if e.Up {
				p.LinkUp(e.Peer)
			} else {
				p.LinkDown(e.Peer.Node)
			}
		},
	}
	if mc.Auth, err = creds.For(mc.Cluster, mc.Node, mc.Role); err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Node: mc.Node, Incarnation: mc.Incarnation, Role: mc.Role, Auth: mc.Auth,
		Addresses: []route.Address{a}, Layout: new(layout.Holder), Links: alone{}, Paths: alone{},
		Wall: func() int64 { return time.Now().UnixNano() }, Clock: p.now,
	}
	for _, f := range change {
		f(&cfg, &mc)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	mc.Logger = cfg.Logger
	cfg.Renewal = renewal.New(cfg.Auth.Certificates(), cfg.Logger)
	if p.Members, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if p.mesh, err = mesh.New(mc); err != nil {
		t.Fatal(err)
	}
	handlers = serve.Only(p.Handlers()...)
	p.Start(p.mesh)
	close(begun)
	t.Cleanup(func() { _ = p.Close() })
	return p, addr
}
