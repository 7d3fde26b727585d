package peer

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/peer/membership"
	"github.com/foci-store/foci/internal/peer/operation"
	"github.com/foci-store/foci/internal/peer/path"
	"github.com/foci-store/foci/internal/peer/renewal"
	"github.com/foci-store/foci/internal/status"
)

// redialPause is the longest pause between dials of an unreachable node by a transport
// client. A node that is reachable again dials the members; no node dials a client,
// whose operations wait meanwhile.
const redialPause = 2 * time.Second

// Peer is this process in the mesh.
type Peer struct {
	cfg     Config
	began   time.Time
	ctx     context.Context
	stop    context.CancelFunc
	tasks   sync.WaitGroup
	started atomic.Bool // New is about to return

	mesh    *mesh.Mesh
	ops     *operation.Runner
	paths   *path.Paths
	renewal *renewal.Renewal
	traces  *status.Traces
	*membership.Members
}

// New starts a peer. It does not wait for other processes: see Ready.
func New(cfg Config) (*Peer, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Mesh.Now == nil {
		cfg.Mesh.Now = func() int64 { return time.Now().UnixNano() }
	}
	var err error // bound here, as routes are signed before there is a mesh
	if cfg.Mesh.Auth, err = cfg.Mesh.Auth.For(cfg.Mesh.Cluster, cfg.Mesh.Node, cfg.Mesh.Role); err != nil {
		return nil, err
	}
	p := &Peer{cfg: cfg, began: time.Now(), traces: cfg.Traces}
	if p.traces == nil {
		p.traces = new(status.Traces)
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	if err := p.wire(); err != nil {
		p.stop()
		return nil, err
	}
	if self := cfg.Mesh.Node; !self.IsZero() {
		p.ops.PeerUp(self)
	}
	p.Members.Start(p.mesh)
	p.tasks.Go(func() { p.renewal.Run(p.ctx, p.mesh.Peers) })
	p.started.Store(true)
	return p, nil
}

// wire makes the parts and connects them.
func (p *Peer) wire() (err error) {
	p.paths = path.New(path.Config{
		Self: p.cfg.Mesh.Node, Classes: p.cfg.classTables(), Membership: p, Now: p.Now, Note: p.traces.Note,
		Local:    func(q *mesh.Request) error { return p.mesh.Local(q) },
		Rerouted: func() { p.ops.RouteChanged() },
	})
	p.ops = operation.New(operation.Config{
		Paths: p.paths, Layouts: planner{p}, Traces: p.traces, Now: p.Now,
		Stall: p.cfg.Stall, Resends: p.cfg.Resends, MaxOps: p.cfg.MaxOps, MaxHeld: p.cfg.MaxHeld, Linger: p.cfg.Linger,
	})
	p.renewal = renewal.New(p.cfg.Mesh.Auth.Certificates(), p.cfg.Logger)
	members := p.cfg.membership()
	members.Links, members.Paths, members.Renewal, members.Clock = p.paths, p.paths, p.renewal, p.Now
	if p.Members, err = membership.New(members); err != nil {
		return err
	}
	mc, err := p.meshConfig()
	if err != nil {
		return err
	}
	p.mesh, err = mesh.New(mc)
	return err
}

// meshConfig is the configuration of the mesh, with onPeer and the handlers.
func (p *Peer) meshConfig() (mc mesh.Config, err error) {
	mc = p.cfg.Mesh
	mc.OnPeer, mc.Logger = p.onPeer, p.cfg.Logger
	if mc.Role == foci.RoleTransport {
		if mc.Timing.BackoffMax == 0 {
			mc.Timing.BackoffMax = redialPause
		}
		return mc, nil
	}
	if mc.Handler == nil {
		mc.Handler, err = p.handlers()
	}
	return mc, err
}

// Close waits a limited time for the legs of answered operations, ends all operations
// and closes all channels. It may be called twice.
func (p *Peer) Close() error {
	if p.ctx.Err() == nil {
		p.ops.Linger()
		p.renewal.Settle()
		if p.cfg.Mesh.Role == foci.RoleClient {
			p.Members.Leave()
		}
	}
	p.Members.Stop()
	p.stop()
	p.ops.Close()
	err := p.mesh.Close()
	p.Members.Wait()
	p.tasks.Wait()
	return err
}

// Now is the clock of deadlines: time since the process began.
func (p *Peer) Now() time.Duration { return time.Since(p.began) }

// Paths returns the paths to all nodes, and the links that they begin with.
func (p *Peer) Paths() *path.Paths { return p.paths }

// onPeer passes the start or loss of a link to the parts. The mesh calls it, one call
// at a time.
func (p *Peer) onPeer(e mesh.PeerEvent) {
	if e.Up {
		p.paths.Up(e.Peer)
		p.renewal.Check()
		p.Members.LinkUp(e.Peer)
		p.ops.PeerUp(e.Peer.Node)
		if p.cfg.Met != nil {
			p.cfg.Met(e.Peer.Node)
		}
		return
	}
	p.paths.Down(e.Peer.Node)
	p.Members.LinkDown(e.Peer.Node)
	p.ops.PeerDown(e.Peer.Node)
}
