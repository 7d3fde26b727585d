package node

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/device/beacon"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/device/store"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer"
	"github.com/foci-store/foci/internal/status"
)

// Node is a running server.
type Node struct {
	cfg        Config
	log        *slog.Logger
	lock       io.Closer
	id         identity
	binds      []route.Bind
	layout     layout.Holder
	peer       atomic.Pointer[peer.Peer] // set once it serves
	beacon     *beacon.Beacon            // nil: no multicast
	reads      *slots                    // one for each request that is served apart
	writeBacks *slots                    // one for each write-back for a reader
	tasks      sync.WaitGroup            // goroutines of requests and of the node
	traces     status.Traces
	hinted     chan struct{}      // there may be hints to deliver
	stop       context.CancelFunc // ends the node's goroutines

	inquiries inquiries
	astray    atomic.Pointer[version.Astray] // nil: it votes

	backends map[foci.BackendID]*store.Backend
	dirs     map[foci.BackendID]string

	closing sync.Once
	closed  error
}

// New opens the node's directory and backends and serves.
//
// It fails with Denied for a directory of another cluster or node, with Busy
// when another process has it open, and with Invalid for a configuration that cannot work.
func New(cfg Config) (*Node, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	n := &Node{
		cfg: cfg, log: cfg.Logger, hinted: make(chan struct{}, 1),
		backends: map[foci.BackendID]*store.Backend{}, dirs: map[foci.BackendID]string{}, reads: readSlots(maxReads),
		writeBacks: newSlots(maxWriteBacks, "too many write-backs for readers run here", 20*time.Millisecond, mutant.BringShare),
	}
	n.inquiries.init()
	if err := n.start(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// serve joins the mesh.
func (n *Node) serve() error {
	pc := peer.Config{
		Mesh: mesh.Config{
			Cluster: n.cfg.Cluster, Node: n.id.Node, Incarnation: n.id.Incarnation, Role: n.cfg.Role,
			Auth: n.cfg.Auth, Insecure: n.cfg.Insecure,
			Links: n.cfg.Links, Eager: n.cfg.Eager, Classes: n.cfg.Classes,
			Channels: n.cfg.Channels, Timing: mesh.Timing{Grace: n.cfg.Grace},
			Now: n.cfg.Now,
		},
		Seeds: n.cfg.Seeds, Remembered: n.remembered(), Remember: n.remember, Layout: &n.layout, Logger: n.log,
		Stall: n.cfg.Stall, Resends: n.cfg.Resends,
		Handlers: n.handlers(), Apart: n.apart, Describe: n.describe,
		Traces: &n.traces, Adopted: n.adopt, Met: func(foci.NodeID) { n.deliverSoon() },
	}
	for _, b := range n.binds {
		pc.Addresses = append(pc.Addresses, b.Addr)
		pc.Mesh.Listen = append(pc.Mesh.Listen, mesh.Listener{Addr: b.ListenOn(), Table: b.Addr.Table})
	}
	p, err := peer.New(pc)
	if err != nil {
		return err
	}
	n.peer.Store(p)
	if err := n.announce(p); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	n.tasks.Go(func() { n.deliverHints(ctx) })
	n.tasks.Go(func() { n.investigate(ctx) })
	n.tasks.Go(func() { n.watchClock(ctx) })
	return nil
}

// adopt persists a newer layout before this node votes by it: the layout in the
// node's directory, and its epoch as the minimum in each backend.
func (n *Node) adopt(s *layout.Snapshot) error {
	if err := saveLayout(n.cfg.FS, n.cfg.Dir, s.Layout); err != nil {
		return err
	}
	for _, b := range n.backends {
		raiseEpoch(n.log, b, s.Epoch)
	}
	return nil
}

// ID is the node's identity.
func (n *Node) ID() foci.NodeID { return n.id.Node }

// Close stops serving, waits for what is being written, and closes the
// backends. It may be called again.
func (n *Node) Close() error {
	n.closing.Do(func() {
		var errs []error
		if n.stop != nil {
			n.stop()
		}
		n.inquiries.close() // a node that could not start never began them
		if n.beacon != nil {
			errs = append(errs, n.beacon.Close())
		}
		if p := n.peer.Load(); p != nil {
			errs = append(errs, p.Close())
		}
		n.tasks.Wait()
		for _, b := range n.backends {
			errs = append(errs, b.Close())
		}
		if n.lock != nil {
			errs = append(errs, n.lock.Close())
		}
		n.closed = errors.Join(errs...)
	})
	return n.closed
}
