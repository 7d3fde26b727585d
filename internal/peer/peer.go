package peer

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	core "github.com/foci-store/foci/internal/core/path"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer/membership"
	"github.com/foci-store/foci/internal/peer/operation"
	"github.com/foci-store/foci/internal/peer/path"
	"github.com/foci-store/foci/internal/peer/renewal"
	"github.com/foci-store/foci/internal/serve"
	"github.com/foci-store/foci/internal/status"
)

// Config is what a process is to the mesh.
type Config struct {
	Mesh      mesh.Config     // without OnPeer, Logger and, for a member, Handler
	Addresses []route.Address // that this node advertises; none for a transport client
	Seeds     []route.Remote  // peers to contact first
	// Remembered are peers known from the last run, sought while no other is found.
	Remembered []route.Remote
	// Remember is told from time to time which peers are known, when that has
	// changed; never two calls at a time. nil = nobody remembers.
	Remember func([]route.Remote)
	Stay     bool         // keep links to the seeds alone, and not to every node that they tell of
	Tables   []foci.Table // to use, in this order; none = those of Addresses, or the one by which it comes in

	Layout *layout.Holder // may hold one already; required
	// Adopted is called with each newer layout before it is used, so that a
	// node can put it on its disk; when it fails the layout is not used.
	Adopted func(*layout.Snapshot) error
	// Met is called when a link comes up. It must be quick. nil = nobody cares.
	Met func(foci.NodeID)
	// Handlers are those of a replica's methods; nil = it stores nothing. Requests
	// may come before New has ended.
	Handlers []serve.Handler
	// Apart runs what serves a slow method on a goroutine of its own, or fails the
	// request; nil = on the goroutine that reads the channel.
	Apart func(*mesh.Incoming, func(*mesh.Incoming))
	// Describe adds what the process stores to its status; nil = nothing.
	Describe func(*status.Node)
	// Traces is where steps are noted; nil = its own.
	Traces *status.Traces

	Stall   time.Duration // without an answer for so long a leg is stalled; 0 = 2 s
	Resends int           // of a stalled leg; 0 = 5
	MaxOps  int           // operations that run at a time; 0 = 65,536
	MaxHeld int64         // bytes of payload that they hold; 0 = 256 MiB
	Linger  time.Duration // how long legs go on once their caller was answered; 0 = 2 s

	Logger *slog.Logger // nil = silent
}

// seekAgain is the longest pause between attempts to reach a node that is away,
// for a transport client. A member hears of a node that is back because that
// dials it; nobody dials a client, and its operations wait meanwhile.
const seekAgain = 2 * time.Second

// Peer is this process in the mesh.
type Peer struct {
	cfg   Config
	log   *slog.Logger
	began time.Time
	mesh  *mesh.Mesh
	ctx   context.Context
	stop  context.CancelFunc
	tasks sync.WaitGroup

	started atomic.Bool // all of it is there

	ops     *operation.Runner
	paths   *path.Paths
	traces  *status.Traces
	renewal *renewal.Renewal
	*membership.Members
}

// New starts. It does not wait for anybody: see Ready.
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
	ctx, stop := context.WithCancel(context.Background())
	p := &Peer{cfg: cfg, log: cfg.Logger, began: time.Now(), ctx: ctx, stop: stop}
	if p.traces = cfg.Traces; p.traces == nil {
		p.traces = new(status.Traces)
	}
	p.ops = operation.New(operation.Config{
		Paths: carrier{p}, Layouts: planner{p}, Traces: p.traces, Now: p.now,
		Stall: cfg.Stall, Resends: cfg.Resends, MaxOps: cfg.MaxOps, MaxHeld: cfg.MaxHeld, Linger: cfg.Linger,
	})
	p.renewal = renewal.New(cfg.Mesh.Auth.Certificates(), p.log)
	p.paths = path.New(path.Config{
		Self: cfg.Mesh.Node, Classes: classTables(&cfg.Mesh), Membership: p,
		Now: p.now, Rerouted: p.ops.RouteChanged, Note: p.traces.Note,
	})
	p.Members, err = membership.New(membership.Config{
		Node: cfg.Mesh.Node, Incarnation: cfg.Mesh.Incarnation, Role: cfg.Mesh.Role, Auth: cfg.Mesh.Auth,
		Addresses: cfg.Addresses, Seeds: cfg.Seeds, Remembered: cfg.Remembered, Remember: cfg.Remember,
		Stay: cfg.Stay, Tables: cfg.Tables, Layout: cfg.Layout, Adopted: cfg.Adopted,
		Links: p.paths, Paths: p.paths, Renewal: p.renewal,
		Wall: cfg.Mesh.Now, Clock: p.now, Logger: p.log,
	})
	if err != nil {
		stop()
		return nil, err
	}
	mc, err := p.meshConfig()
	if err != nil {
		stop()
		return nil, err
	}
	if p.mesh, err = mesh.New(mc); err != nil {
		stop()
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

// meshConfig is the mesh's part of the configuration, with what this process does
// about links and requests.
func (p *Peer) meshConfig() (mc mesh.Config, err error) {
	mc = p.cfg.Mesh
	mc.OnPeer, mc.Logger = p.onPeer, p.log
	if mc.Role == foci.RoleTransport {
		if mc.Timing.BackoffMax == 0 {
			mc.Timing.BackoffMax = seekAgain
		}
		return mc, nil
	}
	if mc.Handler == nil {
		mc.Handler, err = p.handlers()
	}
	return mc, err
}

// Close lets legs whose callers were answered go on for a moment, ends all
// operations and closes all channels. It may be called twice.
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

// classTables are the tables that each class prefers.
func classTables(c *mesh.Config) (all core.Classes) {
	for class := range all {
		all[class] = c.Classes[class].Tables
	}
	return all
}

// Now is the clock of deadlines: time since the process began.
func (p *Peer) Now() time.Duration { return time.Since(p.began) }

func (p *Peer) now() time.Duration { return time.Since(p.began) }

// Paths are the paths to all nodes, and the links that they begin with.
func (p *Peer) Paths() *path.Paths { return p.paths }

// Config is how an operation on a bucket is made: by the present layout, with
// the nearest groups first.
func (p *Peer) Config(bucket string, id foci.ID, level foci.Level, deadline time.Duration) (quorum.Config, error) {
	l := p.Layout()
	if l == nil {
		return quorum.Config{}, membership.NoLayout()
	}
	groups, hedge := p.nearest(l, bucket, id)
	return quorum.Config{
		Plan: quorum.Plan{Epoch: l.Epoch, Groups: groups}, Level: level, Deadline: deadline, Hedge: hedge,
		Clock: func() int64 { return time.Now().UnixNano() }, Nonce: nonce, Name: l.NodeName,
	}, nil
}

// nearest is the groups of an object, nearest owner first, and the hedging delay.
func (p *Peer) nearest(l *layout.Snapshot, bucket string, id foci.ID) ([]foci.Group, time.Duration) {
	groups := slices.Clone(l.GroupsOf(bucket))
	replicas := make([]core.Replica, len(groups), foci.MaxGroups)
	for i, g := range groups {
		_, node, _ := l.Owner(g, id)
		replicas[i] = core.Replica{Group: g, Node: node}
	}
	hedge := p.paths.Order(replicas)
	for i := range replicas {
		groups[i] = replicas[i].Group
	}
	return groups, hedge
}

// nonce draws from the runtime's generator, which is seeded by the system and
// cannot be foreseen.
func nonce() uint64 {
	for {
		if n := rand.Uint64(); n != 0 {
			return n
		}
	}
}

// onPeer takes note of links that come up and go down.
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
