package main

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"

	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/layout"
)

// Files of a node's directory, and of a cluster's.
const (
	configFile = "foci.toml"
	layoutFile = "layout.json"
)

// create writes the layout and each node's configuration where they are
// missing: all of it the first time, the rest when that was cut short.
func (l *localCluster) create(nodes []localNode) error {
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
		config, err := toml.Marshal(l.config(n))
		if err != nil {
			return err
		}
		if err := writeMissing(filepath.Join(n.Dir, configFile), config); err != nil {
			return err
		}
		if err := writeMissing(filepath.Join(n.Dir, layoutFile), text); err != nil {
			return err
		}
	}
	return nil
}

// layoutText is the cluster's layout, made when there is none.
func (l *localCluster) layoutText(nodes []localNode) ([]byte, error) {
	path := filepath.Join(l.dir, layoutFile)
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
	return text, writeWhole(path, text)
}

// plan is the nodes file that an operator would write for this cluster.
func (l *localCluster) plan(nodes []localNode) *layout.Plan {
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
	return writeAs(path, text, mode)
}
