package localcluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/credential"
)

// clusterFile marks a directory as a local cluster's.
const clusterFile = "cluster.json"

// claim claims the directory for this cluster, or finds that it already has. It calls
// ready before it writes anything: a first up that fails for want of a port may be
// repeated with another.
func (l *Spec) claim(ready func() error) error {
	refuse := func(format string, args ...any) error {
		return &foci.Error{Kind: foci.Invalid, Op: "up", Where: l.Dir, Msg: fmt.Sprintf(format, args...), Fix: "give another --dir"}
	}
	if err := os.MkdirAll(l.Dir, 0o700); err != nil {
		return refuse("the directory cannot be made: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(l.Dir, clusterFile))
	if errors.Is(err, fs.ErrNotExist) {
		return l.claimEmpty(ready, refuse)
	}
	if err != nil {
		return refuse("%v", err)
	}
	var old Spec
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&old); err != nil {
		return refuse("%s is damaged: %v", clusterFile, err)
	}
	old.Dir = l.Dir
	switch {
	case old.Key && !l.Key:
		return refuse("holds a cluster with a key, which --insecure cannot take away")
	case l.Key && !old.Key:
		l.Key = false // the cluster was made without a key and stays so
	}
	if old != *l {
		return refuse("holds cluster %s of %d nodes in %d groups from port %d, not %s of %d in %d from %d",
			old.Cluster, old.Nodes, old.Groups, old.Port, l.Cluster, l.Nodes, l.Groups, l.Port)
	}
	if err := writable(l.Dir, refuse); err != nil {
		return err
	}
	return ready()
}

func (l *Spec) claimEmpty(ready func() error, refuse func(string, ...any) error) error {
	entries, err := os.ReadDir(l.Dir)
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
	if err := credential.WriteFile(filepath.Join(l.Dir, clusterFile), append(text, '\n'), 0o644); err != nil {
		return refuse("cannot be written: %v", err)
	}
	return nil
}

// writable checks the directory before nodes are started, whose own errors would come
// later and once for each node.
func writable(dir string, refuse func(string, ...any) error) error {
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return refuse("cannot be written: %v", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
