package localcluster

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/credential"
	"github.com/foci-store/foci/internal/layout"
)

// Files of a node's directory.
const (
	ConfigFile = "foci.toml"
	layoutFile = "layout.json" // also of the cluster's
)

// create writes the layout and each node's configuration where they are
// missing: all of it the first time, the rest when that was cut short.
func (l *Spec) create(nodes []Node, configure func(*Spec, Node) ([]byte, error)) error {
	if err := l.makeKey(); err != nil {
		return err
	}
	text, err := l.layoutText(nodes)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if err := os.MkdirAll(n.Dir, 0o755); err != nil {
			return err
		}
		config, err := configure(l, n)
		if err != nil {
			return err
		}
		if err := writeMissing(filepath.Join(n.Dir, ConfigFile), config); err != nil {
			return err
		}
		if err := writeMissing(filepath.Join(n.Dir, layoutFile), text); err != nil {
			return err
		}
	}
	return nil
}

// layoutText is the cluster's layout, made when there is none.
func (l *Spec) layoutText(nodes []Node) ([]byte, error) {
	path := filepath.Join(l.Dir, layoutFile)
	text, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	made, err := layout.Init(l.plan(nodes), rand.Reader)
	if err != nil {
		return nil, err
	}
	if text, err = made.Marshal(); err != nil {
		return nil, err
	}
	return text, credential.WriteFile(path, text, 0o644)
}

// plan returns the nodes file that an operator would write for this cluster.
func (l *Spec) plan(nodes []Node) *layout.Plan {
	p := &layout.Plan{Cluster: l.Cluster}
	for _, n := range nodes {
		p.Nodes = append(p.Nodes, layout.PlanNode{
			Name:     n.Name,
			Addrs:    []route.Address{n.Addr},
			Backends: []layout.PlanBackend{{Group: n.Group, Dir: filepath.Join(n.Dir, "data")}},
		})
	}
	return p
}

func writeMissing(path string, text []byte) error { return writeMissingAs(path, text, 0o644) }

// writeMissingAs writes a file with these permissions where there is none.
func writeMissingAs(path string, text []byte, mode fs.FileMode) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return credential.WriteFile(path, text, mode)
}
