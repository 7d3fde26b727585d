package layout

import (
	"slices"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/ring"
	"github.com/foci-store/foci/internal/core/route"
)

// Validate reports the first rule that the layout breaks. Points are checked by
// the ring that is built of it.
func (l *Layout) Validate() error {
	if _, err := NewSnapshot(l); err != nil {
		return err
	}
	return nil
}

// check is everything but the points.
func (l *Layout) check() error {
	if err := checkName("cluster", l.Cluster); err != nil {
		return err
	}
	if l.Epoch == 0 {
		return foci.Errorf(foci.Invalid, "layout of %s: epoch 0, epochs count from 1", l.Cluster)
	}
	nodes, err := l.checkNodes()
	if err != nil {
		return err
	}
	groups, err := l.checkBackends(nodes)
	if err != nil {
		return err
	}
	if err := checkGroups("default_groups", l.DefaultGroups, groups); err != nil {
		return err
	}
	if len(l.Buckets) > MaxBuckets {
		return foci.Errorf(foci.TooLarge, "%d buckets with groups of their own, want at most %d", len(l.Buckets), MaxBuckets)
	}
	for name, b := range l.Buckets {
		if err := foci.ValidateBucket(name); err != nil {
			return err
		}
		if err := checkGroups("bucket "+name, b.Groups, groups); err != nil {
			return err
		}
	}
	return nil
}

func (l *Layout) checkNodes() (map[foci.NodeID]bool, error) {
	if len(l.Nodes) == 0 || len(l.Nodes) > foci.MaxNodes {
		return nil, foci.Errorf(foci.Invalid, "%d nodes, want 1 to %d", len(l.Nodes), foci.MaxNodes)
	}
	ids := make(map[foci.NodeID]bool, len(l.Nodes))
	names := make(map[string]bool, len(l.Nodes))
	taken := make(map[route.Address]string)
	for i := range l.Nodes {
		n := &l.Nodes[i]
		if err := checkName("node", n.Name); err != nil {
			return nil, err
		}
		if n.ID.IsZero() || ids[n.ID] {
			return nil, foci.Errorf(foci.Invalid, "node %s: id %v is zero or another node's", n.Name, n.ID)
		}
		if names[n.Name] {
			return nil, foci.Errorf(foci.Invalid, "node %s: the name is another node's", n.Name)
		}
		ids[n.ID], names[n.Name] = true, true
		if err := checkNodeAddrs(n, taken); err != nil {
			return nil, foci.Errorf(foci.KindOf(err), "node %s: %w", n.Name, err)
		}
	}
	return ids, nil
}

// checkNodeAddrs wants addresses that parse back to themselves, however they were
// made, and that no other node has.
func checkNodeAddrs(n *Node, taken map[route.Address]string) error {
	if len(n.Addrs) == 0 {
		return foci.Errorf(foci.Invalid, "no address")
	}
	if err := route.CheckAddrs(n.Addrs); err != nil {
		return err
	}
	for _, a := range n.Addrs {
		if again, err := route.ParseAddress(a.String()); err != nil {
			return err
		} else if again != a {
			return foci.Errorf(foci.Invalid, "address %v is not in its usual form, %v", a, again)
		}
		if owner, ok := taken[a]; ok {
			return foci.Errorf(foci.Invalid, "address %v is node %s's", a, owner)
		}
		taken[a] = n.Name
	}
	return nil
}

func (l *Layout) checkBackends(nodes map[foci.NodeID]bool) (map[foci.Group]bool, error) {
	if len(l.Backends) == 0 || len(l.Backends) > foci.MaxBackends {
		return nil, foci.Errorf(foci.Invalid, "%d backends, want 1 to %d", len(l.Backends), foci.MaxBackends)
	}
	type place struct {
		node foci.NodeID
		dir  string
	}
	ids := make(map[foci.BackendID]bool, len(l.Backends))
	dirs := make(map[place]bool)
	groups := make(map[foci.Group]bool)
	for i := range l.Backends {
		b := &l.Backends[i]
		at := place{b.Node, b.Dir}
		switch {
		case b.ID.IsZero() || ids[b.ID]:
			return nil, foci.Errorf(foci.Invalid, "backend %v: the id is zero or another backend's", b.ID)
		case !nodes[b.Node]:
			return nil, foci.Errorf(foci.Invalid, "backend %v: node %v is not in the layout", b.ID, b.Node)
		case b.Group == 0:
			return nil, foci.Errorf(foci.Invalid, "backend %v: group 0, groups count from 1", b.ID)
		case b.Weight == 0 || b.Weight > ring.MaxWeight:
			return nil, foci.Errorf(foci.Invalid, "backend %v: weight %d, want 1 to %d", b.ID, b.Weight, ring.MaxWeight)
		case len(b.Dir) > MaxDirLen || strings.IndexByte(b.Dir, 0) >= 0:
			return nil, foci.Errorf(foci.Invalid, "backend %v: dir %q is longer than %d bytes or contains NUL", b.ID, foci.Clip(b.Dir), MaxDirLen)
		case b.Dir != "" && dirs[at]:
			return nil, foci.Errorf(foci.Invalid, "backend %v: dir %q belongs to another backend of the node", b.ID, foci.Clip(b.Dir))
		}
		ids[b.ID], dirs[at], groups[b.Group] = true, true, true
	}
	return groups, nil
}

// checkGroups wants 1 to MaxGroups different groups that have backends.
func checkGroups(what string, list []foci.Group, known map[foci.Group]bool) error {
	if len(list) == 0 || len(list) > foci.MaxGroups {
		return foci.Errorf(foci.Invalid, "%s: %d groups, want 1 to %d", what, len(list), foci.MaxGroups)
	}
	for i, g := range list {
		if !known[g] {
			return foci.Errorf(foci.Invalid, "%s: group %d has no backend", what, g)
		}
		if slices.Contains(list[:i], g) {
			return foci.Errorf(foci.Invalid, "%s: group %d is there twice", what, g)
		}
	}
	return nil
}

// checkName holds the rule for names of clusters and nodes: they are typed,
// printed and compared, never part of a path.
func checkName(what, s string) error {
	if s == "" || len(s) > MaxNameLen {
		return foci.Errorf(foci.Invalid, "%s name %q: %d bytes long, want 1 to %d", what, foci.Clip(s), len(s), MaxNameLen)
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			return foci.Errorf(foci.Invalid, "%s name %q: only letters, digits, '-', '.' and '_' are allowed", what, foci.Clip(s))
		}
	}
	return nil
}
