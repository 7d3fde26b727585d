package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/layout"
)

const (
	identityFile = "node.json"
	layoutFile   = "layout.json"
	lockFile     = "LOCK"
	maxIdentity  = 1 << 20
)

// identity is what a node remembers of itself, in its directory.
type identity struct {
	Cluster     string           `json:"cluster"`
	Node        foci.NodeID      `json:"node"`
	Saved       uint64           `json:"saved,omitempty"` // how often; see spareFile
	Incarnation foci.Incarnation `json:"incarnation"`     // of the last start
	// Earlier are the incarnations of the last starts before it, the newest last:
	// one made under a wrong clock does not count once the clock is right.
	Earlier []foci.Incarnation `json:"earlier,omitempty"`
	// Backends maps each directory that once had a backend's identity to it. An
	// empty directory is a new disk, not that backend. Directories inside of the
	// node's own begin with "./", so that the whole can be moved.
	Backends map[string]foci.BackendID `json:"backends,omitempty"`
}

// loadIdentity reads a node's identity; found is false at its first start.
func loadIdentity(fsys vfs.FS, dir string) (id identity, found bool, err error) {
	path := filepath.Join(dir, identityFile)
	b, err := vfs.ReadFile(fsys, path, maxIdentity)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return id, false, nil
	case err != nil:
		return id, false, err
	}
	if err := json.Unmarshal(b, &id); err != nil || id.Node.IsZero() || id.Cluster == "" {
		return id, false, &foci.Error{Kind: foci.Corrupt, Where: path, Msg: "is no node's identity", Err: err, Fix: "restore it from a backup, or remove the directory and let the node be filled anew"}
	}
	return id, true, nil
}

// save writes the identity durably.
func (id *identity) save(fsys vfs.FS, dir string) error {
	b, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return err
	}
	return vfs.WriteFile(fsys, filepath.Join(dir, identityFile), append(b, '\n'))
}

// loadLayout reads the kept layout; nil when there is none.
func loadLayout(fsys vfs.FS, dir string) (*layout.Layout, error) {
	path := filepath.Join(dir, layoutFile)
	b, err := vfs.ReadFile(fsys, path, layout.MaxSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	l, err := layout.Parse(b)
	if err != nil {
		return nil, &foci.Error{Kind: foci.KindOf(err), Where: path, Msg: "the kept layout cannot be used", Err: err, Fix: "copy it from another node"}
	}
	return l, nil
}

// same reports whether two layouts are equal.
func same(a, b *layout.Layout) bool {
	x, errA := a.Marshal()
	y, errB := b.Marshal()
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

// saveLayout writes the layout durably.
func saveLayout(fsys vfs.FS, dir string, l *layout.Layout) error {
	b, err := l.Marshal()
	if err != nil {
		return err
	}
	return vfs.WriteFile(fsys, filepath.Join(dir, layoutFile), b)
}
