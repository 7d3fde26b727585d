package path

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	core "github.com/foci-store/foci/internal/core/path"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/lockorder"
)

// Membership knows where nodes are.
type Membership interface {
	// Tables lists the route tables in which a node has addresses: those of its
	// route, or of the layout when no route is known.
	Tables(node foci.NodeID) []foci.Table
	// OwnTables lists the tables that this process uses, best first.
	OwnTables() []foci.Table
}

// Config is what Paths needs of the process. All but Self is required.
type Config struct {
	Self    foci.NodeID // zero: a transport client
	Classes core.Classes

	Membership Membership
	Now        func() time.Duration
	// Local serves a request of this process to itself.
	Local func(*mesh.Request) error
	// Rerouted is called when requests without a path should find one again.
	Rerouted func()
	// Note records a step of a traced request.
	Note func(id foci.TraceID, format string, args ...any)
}

// Paths are the paths from this process to all nodes. They are safe for
// concurrent use.
type Paths struct {
	cfg   Config
	links atomic.Pointer[map[foci.NodeID]*mesh.Link] // replaced whole, under mu

	mu      lockorder.Mutex[lockorder.Paths]
	machine *core.Machine // guarded by mu
}

// New makes paths without any link.
func New(cfg Config) *Paths {
	p := &Paths{cfg: cfg}
	p.links.Store(&map[foci.NodeID]*mesh.Link{})
	p.machine = core.New(core.Config{
		Self: cfg.Self, Classes: cfg.Classes,
		Network: network{cfg.Membership, p}, Rand: rand.Uint64,
	})
	return p
}

// network is what the machine asks for.
type network struct {
	Membership
	paths *Paths
}

func (n network) Load(node foci.NodeID) int64 {
	if l := n.paths.Link(node); l != nil {
		return l.Load()
	}
	return 0
}

func (n network) RTT(node foci.NodeID) time.Duration {
	if l := n.paths.Link(node); l != nil {
		return l.RTT()
	}
	return 0
}

// Find chooses the path of one request: see [core.Machine.Find].
func (p *Paths) Find(node foci.NodeID, class foci.Class) (core.Path, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.machine.Find(node, class, p.cfg.Now())
}

// Order sorts the replicas of an object, nearest first, and returns the hedging
// delay.
func (p *Paths) Order(replicas []core.Replica) (hedge time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.machine.Order(replicas, p.cfg.Now())
}

// Observe records how long a node took to answer a query.
func (p *Paths) Observe(node foci.NodeID, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.machine.Observe(node, took, p.cfg.Now())
}

// IsUp reports whether requests to a node leave at once, without a relay.
func (p *Paths) IsUp(node foci.NodeID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.machine.IsUp(node)
}

// Relay returns the relay that requests to a node would take now; zero: the path is
// direct, or there is none.
func (p *Paths) Relay(node foci.NodeID) foci.NodeID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.machine.Relay(node, p.cfg.Now())
}

// Up observes that a link came up.
func (p *Paths) Up(who mesh.Identity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.machine.Up(who.Node, who.Table)
}

// Down observes that a link was lost, unless another link to the node is up already:
// the loss of a removed link may be reported after its successor came up.
func (p *Paths) Down(node foci.NodeID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.Link(node); l == nil || !l.Up() {
		p.machine.Down(node)
	}
}

// RoutesChanged observes that routes or the layout changed. Requests without a path
// find one again.
func (p *Paths) RoutesChanged() {
	p.mu.Lock()
	p.machine.Changed()
	p.mu.Unlock()
	p.cfg.Rerouted()
}

// ReachableAgain observes a report that a node is reachable again. Requests that wait
// for a relay to it find one again.
func (p *Paths) ReachableAgain(node foci.NodeID) {
	p.mu.Lock()
	again := p.machine.Reachable(node)
	p.mu.Unlock()
	if again {
		p.cfg.Rerouted()
	}
}

// Relayed records the result of a request sent through a relay: see
// [core.Machine.Relayed].
func (p *Paths) Relayed(relay, node foci.NodeID, err error) core.Verdict {
	var answer *mesh.PeerError
	var author foci.NodeID
	if errors.As(err, &answer) {
		author = answer.Node
	}
	p.mu.Lock()
	v := p.machine.Relayed(relay, node, author, err, p.cfg.Now())
	p.mu.Unlock()
	if v.Again {
		p.cfg.Rerouted()
	}
	return v
}

// Delivered records the fate of an attempt sent through a relay. It corrects the fate
// if the error is the relay's own.
func (p *Paths) Delivered(relay, node foci.NodeID, d *txn.Delivery) {
	v := p.Relayed(relay, node, d.Err)
	if !v.ByRelay {
		return
	}
	d.Relayed = true
	switch {
	case v.Lost:
		d.Fate = txn.Lost
	case v.NotSent:
		d.Fate = txn.NotSent
	}
}
