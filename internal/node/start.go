package node

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"syscall"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/layout"
)

func (n *Node) start() error {
	if err := n.lockDir(); err != nil {
		return err
	}
	if err := n.identify(); err != nil {
		return err
	}
	before := maps.Clone(n.id.Backends)
	if err := n.openBackends(); err != nil {
		return err
	}
	if !maps.Equal(before, n.id.Backends) {
		if err := n.save(); err != nil {
			return err
		}
	}
	return n.serve()
}

// lockDir makes the node's directory and keeps other processes out of it.
func (n *Node) lockDir() error {
	if err := vfs.MkdirAll(n.cfg.FS, n.cfg.Dir); err != nil {
		return notWritable(n.cfg.Dir, "cannot be made", err)
	}
	lock, err := n.cfg.FS.Lock(filepath.Join(n.cfg.Dir, lockFile))
	switch {
	case err == nil:
		n.lock = lock
		return nil
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOSPC):
		return notWritable(n.cfg.Dir, "cannot be locked", err)
	}
	return &foci.Error{Kind: foci.Busy, Where: n.cfg.Dir, Msg: "is in use by another process", Err: err, Fix: "stop the node that runs on it, or name another directory"}
}

// save puts the node's identity on its disk: into the spare file when the disk
// is full.
func (n *Node) save() error {
	n.id.Saved++
	err := n.id.save(n.cfg.FS, n.cfg.Dir)
	if err == nil {
		if err := makeSpare(n.cfg.FS, n.cfg.Dir); err != nil {
			n.log.Warn("the node has no spare file: it could not start on a full disk", "err", err)
		}
		return nil
	}
	if vfs.IsFull(err) {
		n.log.Error("the disk is full: the node's identity goes into the spare file", "dir", n.cfg.Dir, "err", err)
		spareErr := n.id.saveSpare(n.cfg.FS, n.cfg.Dir)
		if spareErr == nil {
			return nil
		}
		err = errors.Join(err, spareErr)
	}
	return notWritable(filepath.Join(n.cfg.Dir, identityFile), "cannot be written", err)
}

func notWritable(where, what string, err error) error {
	return &foci.Error{Kind: foci.ReadOnly, Where: where, Msg: what, Err: err, Fix: "make room there, or name a directory that this user may write to"}
}

// identify determines the node's identity and its layout.
func (n *Node) identify() error {
	id, found, err := loadIdentity(n.cfg.FS, n.cfg.Dir)
	if err != nil {
		return err
	}
	if found {
		spare, err := loadSpare(n.cfg.FS, n.cfg.Dir)
		if err != nil {
			return err
		}
		id = id.newer(spare)
	}
	if found && id.Cluster != n.cfg.Cluster {
		return &foci.Error{Kind: foci.Denied, Where: n.cfg.Dir, Msg: "belongs to cluster " + id.Cluster + ", not to " + n.cfg.Cluster, Fix: "name another directory, or that cluster by --cluster or in foci.toml"}
	}
	l, err := n.newestLayout()
	if err != nil {
		return err
	}
	claimed, err := n.claim(l)
	switch {
	case err != nil && !found:
		return err
	case !found:
		id = identity{Cluster: n.cfg.Cluster, Node: claimed}
	case err == nil && n.cfg.Name != "" && claimed != id.Node:
		return &foci.Error{
			Kind: foci.Denied, Where: n.cfg.Dir, Msg: fmt.Sprintf("is the directory of node %v, %s is node %v", id.Node, n.cfg.Name, claimed),
			Fix: "name this node's own directory",
		}
	}
	n.begin(&id)
	n.id = id
	if n.cfg.Auth, err = n.cfg.Auth.For(n.cfg.Cluster, id.Node, n.cfg.Role); err != nil {
		return err
	}
	if err := n.findBinds(l); err != nil {
		return err
	}
	// Saved before it is used: an incarnation is never used twice.
	return n.save()
}

// begin gives this start a new incarnation, in milliseconds: two copies of a
// directory hardly ever start with the same one, so that peers refuse the older.
//
// A stored incarnation that is out of bounds does not count, as other nodes refuse
// it: the clock was far ahead at an earlier start, or is far behind now. The next
// incarnation is then the clock's, or above those of the last starts in bounds.
// So an incarnation is used twice only when the clock shows the same millisecond
// again and none of the last [route.MaxStarts] distinct starts was near it.
func (n *Node) begin(id *identity) {
	past := id.Earlier
	if id.Incarnation != 0 {
		past = route.AddStart(past, id.Incarnation)
	}
	next, reset := route.NextIncarnation(past, n.cfg.Now())
	if reset {
		n.log.Warn("the stored incarnation is more than a day ahead of the clock and does not count: the clock was wrong when this node was last started, or is wrong now",
			"stored", id.Incarnation, "now", next)
	}
	id.Incarnation, id.Earlier = next, past
}

// newestLayout is the kept layout or the given one, whichever is newer; the
// newer one is kept. nil when there is none.
func (n *Node) newestLayout() (*layout.Layout, error) {
	kept, err := loadLayout(n.cfg.FS, n.cfg.Dir)
	if err != nil {
		return nil, err
	}
	best := kept
	switch given := n.cfg.Layout; {
	case given == nil:
	case kept == nil || given.Epoch > kept.Epoch:
		best = given
	case given.Epoch == kept.Epoch && !same(given, kept):
		return nil, &foci.Error{
			Kind: foci.Denied, Where: n.cfg.Dir, Msg: fmt.Sprintf("keeps another layout of epoch %d than the one given", kept.Epoch),
			Fix: "foci init was run twice: name the directory that belongs to this layout, or give none",
		}
	}
	if best == nil {
		return nil, nil
	}
	if best.Cluster != n.cfg.Cluster {
		return nil, &foci.Error{Kind: foci.Denied, Where: n.cfg.Dir, Msg: "the layout is of cluster " + best.Cluster + ", not of " + n.cfg.Cluster, Fix: "name another directory, or that cluster by --cluster or in foci.toml"}
	}
	s, err := layout.NewSnapshot(best)
	if err != nil {
		return nil, err
	}
	if best != kept {
		err := saveLayout(n.cfg.FS, n.cfg.Dir, best)
		if vfs.IsFull(err) && kept != nil {
			n.log.Error("the disk is full: the layout given is not adopted", "epoch", best.Epoch, "kept", kept.Epoch, "err", err)
			best = kept
			s, err = layout.NewSnapshot(kept)
		}
		if err != nil {
			return nil, notWritable(filepath.Join(n.cfg.Dir, layoutFile), "cannot be written", err)
		}
	}
	n.layout.Adopt(s)
	return best, nil
}

// claim is the node's identity at its first start: the one that the layout has for
// the configured name, else the one in its certificate, else a new one. A node
// that is not in the layout owns nothing.
func (n *Node) claim(l *layout.Layout) (foci.NodeID, error) {
	switch {
	case n.cfg.Name == "" && n.cfg.Auth.Certificates() != nil:
		return n.cfg.Auth.Certificates().Name().Node, nil
	case n.cfg.Name == "":
		id, err := foci.NewUUID(rand.Reader)
		return foci.NodeID(id), err
	case l == nil:
		return foci.NodeID{}, foci.Errorf(foci.Invalid, "node %q: without a layout its id is unknown: give it the layout that foci init printed", n.cfg.Name)
	}
	if named := n.layout.Load().NodeNamed(n.cfg.Name); named != nil {
		return named.ID, nil
	}
	return foci.NodeID{}, foci.Errorf(foci.Invalid, "node %q is not in the layout of epoch %d", n.cfg.Name, l.Epoch)
}

// findBinds takes the configured addresses, or those in the layout.
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
