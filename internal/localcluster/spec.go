package localcluster

import (
	"fmt"
	"path/filepath"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
)

// Spec describes a local cluster. It is kept in the cluster's directory, so that a
// later start with other numbers is refused.
type Spec struct {
	Cluster string `json:"cluster"`
	Nodes   int    `json:"nodes"`
	Groups  int    `json:"groups"`
	Port    int    `json:"port"`          // of the first node; the next ones follow
	Key     bool   `json:"key,omitempty"` // members and clients prove a key; false in directories that older versions made

	Dir string `json:"-"` // of the cluster; absolute
}

// Node is one node of a local cluster.
type Node struct {
	Name  string        `json:"name"`
	PID   int           `json:"pid"`
	Addr  route.Address `json:"addr"`
	Group foci.Group    `json:"group"`
	Dir   string        `json:"dir"`
}

// maxNodes bounds a local cluster: it is for trying out, on one machine.
const maxNodes = 64

// Validate rejects numbers that make no cluster, and names the flags of foci up.
func (l *Spec) Validate() error {
	switch {
	case l.Nodes < 1 || l.Nodes > maxNodes:
		return invalid("--nodes %d: want 1 to %d", l.Nodes, maxNodes)
	case l.Groups < 1 || l.Groups > foci.MaxGroups:
		return invalid("--groups %d: want 1 to %d", l.Groups, foci.MaxGroups)
	case l.Groups > l.Nodes:
		return invalid("--groups %d with --nodes %d: each group needs a node of its own", l.Groups, l.Nodes)
	case l.Port < 1 || l.Port+l.Nodes-1 > 65535:
		return invalid("--port %d: %d nodes need ports up to %d, want 1 to 65535", l.Port, l.Nodes, l.Port+l.Nodes-1)
	case l.Cluster == "":
		return invalid("--cluster is empty: want a name")
	}
	return nil
}

// members are the nodes, dealt to the groups in turn.
func (l *Spec) members() []Node {
	nodes := make([]Node, l.Nodes)
	for i := range nodes {
		name := fmt.Sprintf("n%d", i+1)
		nodes[i] = Node{
			Name:  name,
			Addr:  route.Address{Host: "127.0.0.1", Port: uint16(l.Port + i), Family: route.IPv4},
			Group: foci.Group(i%l.Groups + 1),
			Dir:   filepath.Join(l.Dir, name),
		}
	}
	return nodes
}

func invalid(format string, args ...any) error { return foci.Errorf(foci.Invalid, format, args...) }
