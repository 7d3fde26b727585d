package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
)

// localCluster is what foci up is asked for; it is kept in the directory, so
// that a later up of other numbers is refused instead of misread.
type localCluster struct {
	Cluster string `json:"cluster"`
	Nodes   int    `json:"nodes"`
	Groups  int    `json:"groups"`
	Port    int    `json:"port"`          // of the first node; the next ones follow
	Key     bool   `json:"key,omitempty"` // members and clients prove a key; false in directories that older versions made

	dir string // absolute
}

// localNode is one node of a local cluster.
type localNode struct {
	Name  string        `json:"name"`
	PID   int           `json:"pid"`
	Addr  route.Address `json:"addr"`
	Group foci.Group    `json:"group"`
	Dir   string        `json:"dir"`
}

// maxLocalNodes bounds up: it is for trying out, on one machine.
const maxLocalNodes = 64

func (l *localCluster) check() error {
	switch {
	case l.Nodes < 1 || l.Nodes > maxLocalNodes:
		return usagef("--nodes %d: want 1 to %d", l.Nodes, maxLocalNodes)
	case l.Groups < 1 || l.Groups > foci.MaxGroups:
		return usagef("--groups %d: want 1 to %d", l.Groups, foci.MaxGroups)
	case l.Groups > l.Nodes:
		return usagef("--groups %d with --nodes %d: each group needs a node of its own", l.Groups, l.Nodes)
	case l.Port < 1 || l.Port+l.Nodes-1 > 65535:
		return usagef("--port %d: %d nodes need ports up to %d, want 1 to 65535", l.Port, l.Nodes, l.Port+l.Nodes-1)
	case l.Cluster == "":
		return usagef("--cluster is empty: want a name")
	}
	return nil
}

// members are the nodes, dealt to the groups in turn.
func (l *localCluster) members() []localNode {
	nodes := make([]localNode, l.Nodes)
	for i := range nodes {
		name := fmt.Sprintf("n%d", i+1)
		nodes[i] = localNode{
			Name:  name,
			Addr:  route.Address{Host: "127.0.0.1", Port: uint16(l.Port + i), Family: route.IPv4},
			Group: foci.Group(i%l.Groups + 1),
			Dir:   filepath.Join(l.dir, name),
		}
	}
	return nodes
}

// config is foci.toml of one of its nodes.
func (l *localCluster) config(n localNode) serveConfig {
	key := ""
	if l.Key {
		key = filepath.Join("..", keyFile)
	}
	return serveConfig{
		Cluster:   l.Cluster,
		Key:       key,
		Name:      n.Name,
		Log:       slog.LevelWarn, // nodes that start one after the other miss each other for a moment
		Addresses: []addressConfig{{Addr: n.Addr.String()}},
		Backends:  []backendConfig{{Dir: "data", Group: n.Group}},
	}
}

// clusterFile marks a directory as a local cluster's.
const clusterFile = "cluster.json"

// claim makes the directory this cluster's, or finds that it already is. It asks
// ready before it writes anything: a first up that fails for want of a port may
// be repeated with another.
func (l *localCluster) claim(ready func() error) error {
	refuse := func(format string, args ...any) error {
		return &foci.Error{Kind: foci.Invalid, Op: "up", Where: l.dir, Msg: fmt.Sprintf(format, args...), Fix: "give another --dir"}
	}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return refuse("the directory cannot be made: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(l.dir, clusterFile))
	if errors.Is(err, fs.ErrNotExist) {
		return l.claimEmpty(ready, refuse)
	}
	if err != nil {
		return refuse("%v", err)
	}
	var old localCluster
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&old); err != nil {
		return refuse("%s is damaged: %v", clusterFile, err)
	}
	old.dir = l.dir
	switch {
	case old.Key && !l.Key:
		return refuse("holds a cluster with a key, which --insecure cannot take away")
	case l.Key && !old.Key:
		l.Key = false // it is without a key, and goes on so
	}
	if old != *l {
		return refuse("holds cluster %s of %d nodes in %d groups from port %d, not %s of %d in %d from %d",
			old.Cluster, old.Nodes, old.Groups, old.Port, l.Cluster, l.Nodes, l.Groups, l.Port)
	}
	if err := writable(l.dir, refuse); err != nil {
		return err
	}
	return ready()
}

func (l *localCluster) claimEmpty(ready func() error, refuse func(string, ...any) error) error {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return refuse("%v", err)
	}
	if len(entries) > 0 {
		return refuse("is not empty, and not a cluster that foci up made")
	}
	if err := ready(); err != nil {
		return err
	}
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(l.dir, clusterFile), append(text, '\n')); err != nil {
		return refuse("cannot be written: %v", err)
	}
	return nil
}

// writable says so before nodes are started, whose own errors come later and
// once for each.
func writable(dir string, refuse func(string, ...any) error) error {
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return refuse("cannot be written: %v", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// writeWhole writes a file so that after a crash it is there whole or not at all.
func writeWhole(path string, text []byte) error { return writeAs(path, text, 0o644) }

// writeAs does it with these permissions, and never with wider ones.
func writeAs(path string, text []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
