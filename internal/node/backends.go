package node

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/store"
	"github.com/foci-store/foci/internal/layout"
)

// openBackends opens the node's directories, each under the identity that the
// layout has for it.
func (n *Node) openBackends() error {
	s := n.layout.Load()
	if n.cfg.Role != foci.RoleData || s == nil {
		return nil
	}
	mine := s.BackendsOf(n.id.Node)
	dirs, err := n.assign(mine)
	if err != nil {
		return err
	}
	if err := n.checkGroups(mine, dirs); err != nil {
		return err
	}
	for i, lb := range mine {
		b, err := n.open(dirs[i], lb)
		if err != nil {
			return err
		}
		n.backends[lb.ID] = b
		n.dirs[lb.ID] = dirs[i]
		if st := b.Stats(); st.NotReady != "" {
			n.log.Error("backend is not ready", "dir", dirs[i], "why", st.NotReady)
		}
	}
	return nil
}

// assign finds a directory for each of the node's backends: the one that has its
// identity already, else a free configured one of its group, else, when none is
// configured, one in the node's own directory.
func (n *Node) assign(mine []*layout.Backend) ([]string, error) {
	taken := map[string]bool{}
	dirs := make([]string, len(mine))
	for kept, id := range n.id.Backends {
		for i, lb := range mine {
			if lb.ID == id {
				dirs[i] = n.dirOf(kept)
				taken[dirs[i]] = true
			}
		}
	}
	for i, lb := range mine {
		if dirs[i] != "" {
			continue
		}
		if dirs[i] = n.freeDir(lb, taken); dirs[i] == "" {
			return nil, &foci.Error{
				Kind: foci.Invalid, Where: "backend " + lb.ID.Short() + " of group " + groupText(lb.Group),
				Msg: "no directory is configured for it", Fix: "add a [[backend]] with its group",
			}
		}
		taken[dirs[i]] = true
	}
	return dirs, nil
}

// checkGroups refuses a configured group that is not the one the layout has for
// the backend of that directory. A configured directory that no backend of the
// layout uses is logged: it may be meant for a later layout.
func (n *Node) checkGroups(mine []*layout.Backend, dirs []string) error {
	for _, b := range n.cfg.Backends {
		i := slices.IndexFunc(dirs, func(d string) bool { return filepath.Clean(d) == filepath.Clean(b.Dir) })
		switch {
		case i < 0:
			n.log.Warn("no backend of the layout uses this configured directory", "dir", b.Dir, "group", b.Group, "epoch", n.layout.Epoch())
		case b.Group != 0 && b.Group != mine[i].Group && !mutant.On(mutant.AnyGroup):
			return &foci.Error{
				Kind: foci.Invalid, Where: b.Dir,
				Msg: fmt.Sprintf("is configured for group %d, but is backend %s of group %d in the layout of epoch %d", b.Group, mine[i].ID.Short(), mine[i].Group, n.layout.Epoch()),
				Fix: fmt.Sprintf("write group = %d in its [[backend]], or leave group out", mine[i].Group),
			}
		}
	}
	return nil
}

func (n *Node) freeDir(lb *layout.Backend, taken map[string]bool) string {
	if len(n.cfg.Backends) == 0 {
		dir := lb.Dir
		if dir == "" {
			dir = "backend-" + lb.ID.Short()
		}
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(n.cfg.Dir, dir)
		}
		return dir
	}
	for _, b := range n.cfg.Backends {
		if !taken[b.Dir] && (b.Group == 0 || b.Group == lb.Group) && (lb.Dir == "" || lb.Dir == b.Dir) {
			return b.Dir
		}
	}
	return ""
}

// open opens a backend. It refuses a directory that has lost the backend's
// identity: the backend would vote that its objects never existed.
func (n *Node) open(dir string, lb *layout.Backend) (*store.Backend, error) {
	kept := n.keptAs(dir)
	known := n.id.Backends[kept] == lb.ID
	if known && !store.Exists(n.cfg.FS, dir) {
		return nil, &foci.Error{
			Kind: foci.NotReady, Where: dir, Msg: "held backend " + lb.ID.String() + " and " + n.whatIsIn(dir),
			Fix: "mount its disk; a replaced disk is a new backend and needs a new layout",
		}
	}
	b, err := store.Open(store.Options{FS: n.cfg.FS, Dir: dir, Cluster: n.cfg.Cluster, ID: lb.ID, Now: n.cfg.Now, Logger: n.log})
	if err != nil {
		return nil, err
	}
	if n.id.Backends == nil {
		n.id.Backends = map[string]foci.BackendID{}
	}
	n.id.Backends[kept] = lb.ID
	raiseEpoch(n.log, b, n.layout.Epoch())
	return b, nil
}

// whatIsIn describes a directory that has no backend's identity.
func (n *Node) whatIsIn(dir string) string {
	names, err := n.cfg.FS.List(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist now"
	case err != nil:
		return "cannot be read now: " + err.Error()
	case len(names) == 0:
		return "is empty now"
	}
	return fmt.Sprintf("has no backend's identity (the file %s) now, though it holds %d other files or directories", store.IdentityFile, len(names))
}

// raiseEpoch persists the minimum epoch in a backend. When the backend is read-only
// the layout in the node's own directory serves instead.
func raiseEpoch(log *slog.Logger, b *store.Backend, e foci.Epoch) {
	if b.Epoch() >= e {
		return
	}
	if err := b.SetEpoch(e); err != nil {
		log.Warn("the layout's epoch is not on the backend's disk", "backend", b.ID(), "epoch", e, "err", err)
	}
}

// inside is the prefix of directories within the node's own.
const inside = "./"

// keptAs is the form of a directory in the node's identity.
func (n *Node) keptAs(dir string) string {
	if rel, err := filepath.Rel(n.cfg.Dir, dir); err == nil && filepath.IsLocal(rel) {
		return inside + rel
	}
	return dir
}

// dirOf is the directory of such a form.
func (n *Node) dirOf(kept string) string {
	if rel, ok := strings.CutPrefix(kept, inside); ok {
		return filepath.Join(n.cfg.Dir, rel)
	}
	return kept
}
