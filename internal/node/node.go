package node

import (
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/device/store"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer"
)

// Node is a running server.
type Node struct {
	cfg     Config
	log     *slog.Logger
	lock    io.Closer
	id      identity
	binds   []route.Bind
	layout  layout.Holder
	peer    atomic.Pointer[peer.Peer] // set once it serves
	reads   chan struct{}             // a token for each fetch or listing that runs
	started time.Time

	backends map[foci.BackendID]*store.Backend
	dirs     map[foci.BackendID]string

	closing sync.Once
	closed  error
}

// maxReads bounds the fetches and listings that run at a time; each may hold
// foci.MaxPayload bytes.
const maxReads = 64

// New opens the node's directory and backends and serves.
//
// It fails with Denied for a directory of another cluster or node, with Busy
// when another process has it open, and with Invalid for what cannot be.
func New(cfg Config) (*Node, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	n := &Node{
		cfg: cfg, log: cfg.Logger, reads: make(chan struct{}, maxReads), started: time.Now(),
		backends: map[foci.BackendID]*store.Backend{}, dirs: map[foci.BackendID]string{},
	}
	if err := n.start(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) start() error {
	if err := vfs.MkdirAll(n.cfg.FS, n.cfg.Dir); err != nil {
		return &foci.Error{Kind: foci.ReadOnly, Where: n.cfg.Dir, Msg: "cannot be made", Err: err, Fix: "choose a directory that this user may write to"}
	}
	lock, err := n.cfg.FS.Lock(filepath.Join(n.cfg.Dir, "LOCK"))
	if err != nil {
		return &foci.Error{Kind: foci.Busy, Where: n.cfg.Dir, Msg: "cannot be locked", Err: err, Fix: "is a node running on it? may this user write there?"}
	}
	n.lock = lock
	if err := n.identify(); err != nil {
		return err
	}
	if err := n.openBackends(); err != nil {
		return err
	}
	if err := n.id.save(n.cfg.FS, n.cfg.Dir); err != nil {
		return err
	}
	return n.serve()
}

// identify finds out which node this is, and by which layout it works.
func (n *Node) identify() error {
	id, found, err := loadIdentity(n.cfg.FS, n.cfg.Dir)
	if err != nil {
		return err
	}
	if found && id.Cluster != n.cfg.Cluster {
		return &foci.Error{Kind: foci.Denied, Where: n.cfg.Dir, Msg: "belongs to cluster " + id.Cluster + ", not to " + n.cfg.Cluster, Fix: "name another directory or that cluster"}
	}
	l, err := n.newestLayout()
	if err != nil {
		return err
	}
	if !found {
		id = identity{Cluster: n.cfg.Cluster}
		if id.Node, err = n.claim(l); err != nil {
			return err
		}
	}
	id.Incarnation = max(id.Incarnation+1, foci.Incarnation(n.cfg.Now()/int64(time.Second)))
	n.id = id
	if err := n.findBinds(l); err != nil {
		return err
	}
	// Before anything is said under it: an incarnation is never used twice.
	return n.id.save(n.cfg.FS, n.cfg.Dir)
}

// newestLayout is the kept layout or the given one, whichever is newer; the
// newer one is kept. nil when there is none.
func (n *Node) newestLayout() (*layout.Layout, error) {
	kept, err := loadLayout(n.cfg.FS, n.cfg.Dir)
	if err != nil {
		return nil, err
	}
	best := kept
	if given := n.cfg.Layout; given != nil && (kept == nil || given.Epoch > kept.Epoch) {
		best = given
	}
	if best == nil {
		return nil, nil
	}
	if best.Cluster != n.cfg.Cluster {
		return nil, &foci.Error{Kind: foci.Denied, Where: n.cfg.Dir, Msg: "the layout is of cluster " + best.Cluster + ", not of " + n.cfg.Cluster, Fix: "name another directory, or that cluster"}
	}
	s, err := layout.NewSnapshot(best)
	if err != nil {
		return nil, err
	}
	if best != kept {
		if err := saveLayout(n.cfg.FS, n.cfg.Dir, best); err != nil {
			return nil, err
		}
	}
	n.layout.Adopt(s)
	return best, nil
}

// claim is the identity that the layout has for a node of the configured name,
// at its first start. A node that the layout does not know owns nothing.
func (n *Node) claim(l *layout.Layout) (foci.NodeID, error) {
	switch {
	case n.cfg.Name == "":
		return newNodeID()
	case l == nil:
		return foci.NodeID{}, foci.Errorf(foci.Invalid, "node %q: no layout says who that is (give it the layout that foci init printed)", n.cfg.Name)
	}
	if named := n.layout.Load().NodeNamed(n.cfg.Name); named != nil {
		return named.ID, nil
	}
	return foci.NodeID{}, foci.Errorf(foci.Invalid, "node %q is not in the layout of epoch %d", n.cfg.Name, l.Epoch)
}

// findBinds takes the configured addresses, or those of the layout.
func (n *Node) findBinds(l *layout.Layout) error {
	n.binds = n.cfg.Addresses
	if len(n.binds) > 0 {
		return nil
	}
	if l != nil {
		if me := n.layout.Load().Node(n.id.Node); me != nil {
			for _, a := range me.Addrs {
				n.binds = append(n.binds, route.Bind{Addr: a})
			}
		}
	}
	if len(n.binds) == 0 {
		return foci.Errorf(foci.Invalid, "node: no address to listen on: give --addr host:port:family-table")
	}
	return nil
}

// serve joins the mesh.
func (n *Node) serve() error {
	pc := peer.Config{
		Mesh: mesh.Config{
			Cluster: n.cfg.Cluster, Node: n.id.Node, Incarnation: n.id.Incarnation, Role: n.cfg.Role,
			Channels: n.cfg.Channels, Handler: mesh.HandlerFunc(n.handle), Timing: mesh.Timing{Grace: n.cfg.Grace},
		},
		Seeds: n.cfg.Seeds, Layout: &n.layout, Logger: n.log,
		Adopted: func(s *layout.Snapshot) error { return saveLayout(n.cfg.FS, n.cfg.Dir, s.Layout) },
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
	return nil
}

// ID is the node's identity.
func (n *Node) ID() foci.NodeID { return n.id.Node }

// Close stops serving, waits for what is being written, and closes the
// backends. It may be called again.
func (n *Node) Close() error {
	n.closing.Do(func() {
		var errs []error
		if p := n.peer.Load(); p != nil {
			errs = append(errs, p.Close())
		}
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
