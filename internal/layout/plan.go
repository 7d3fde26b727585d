package layout

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
)

// Plan is what an operator writes to make a cluster: the nodes file.
//
//	cluster = "home"
//	default_groups = [1, 2, 3]     # optional: all groups
//	[[node]]
//	name = "a"
//	addr = ["10.0.0.17:1025:2-0"]
//	[[node.backend]]
//	group = 1
//	weight = 100                   # optional: 100
//	dir = "/srv/foci/a"            # optional
type Plan struct {
	Cluster       string       `toml:"cluster"`
	DefaultGroups []foci.Group `toml:"default_groups"`
	Nodes         []PlanNode   `toml:"node"`
}

// PlanNode is one [[node]] of the file.
type PlanNode struct {
	Name     string          `toml:"name"`
	Addrs    []route.Address `toml:"addr"`
	Backends []PlanBackend   `toml:"backend"`
}

// PlanBackend is one [[node.backend]] of the file.
type PlanBackend struct {
	Group  foci.Group `toml:"group"`
	Weight uint32     `toml:"weight"` // 0 = DefaultWeight
	Dir    string     `toml:"dir"`
}

// DefaultWeight is the weight of a backend that has none in the plan.
const DefaultWeight = 100

// ParsePlan reads a nodes file, as TOML. Errors name the line.
func ParsePlan(b []byte) (*Plan, error) {
	if len(b) > MaxSize {
		return nil, foci.Errorf(foci.TooLarge, "nodes file of %d bytes, want at most %d", len(b), MaxSize)
	}
	d := toml.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	var p Plan
	err := d.Decode(&p)
	var unknown *toml.StrictMissingError
	var bad *toml.DecodeError
	switch {
	case err == nil:
		return &p, nil
	case errors.As(err, &unknown) && len(unknown.Errors) > 0:
		line, _ := unknown.Errors[0].Position()
		return nil, foci.Errorf(foci.Invalid, "nodes file, line %d: unknown key %q", line, strings.Join(unknown.Errors[0].Key(), "."))
	case errors.As(err, &bad):
		line, _ := bad.Position()
		return nil, foci.Errorf(foci.Invalid, "nodes file, line %d: %w", line, err)
	default:
		return nil, foci.Errorf(foci.Invalid, "nodes file: %w", err)
	}
}

// Init makes the first layout of a cluster, epoch 1: it draws identities from
// random (crypto/rand.Reader, outside of tests) and computes the points.
func Init(p *Plan, random io.Reader) (*Layout, error) {
	l := &Layout{Cluster: p.Cluster, Epoch: 1, DefaultGroups: slices.Clone(p.DefaultGroups)}
	groups := make(map[foci.Group]bool)
	for i := range p.Nodes {
		pn := &p.Nodes[i]
		id, err := foci.NewUUID(random)
		if err != nil {
			return nil, err
		}
		l.Nodes = append(l.Nodes, Node{ID: foci.NodeID(id), Name: pn.Name, Addrs: slices.Clone(pn.Addrs)})
		for _, pb := range pn.Backends {
			bid, err := foci.NewUUID(random)
			if err != nil {
				return nil, err
			}
			if pb.Weight == 0 {
				pb.Weight = DefaultWeight
			}
			groups[pb.Group] = true
			l.Backends = append(l.Backends, Backend{ID: foci.BackendID(bid), Node: foci.NodeID(id), Group: pb.Group, Weight: pb.Weight, Dir: pb.Dir})
		}
	}
	if len(l.DefaultGroups) == 0 {
		for g := range groups {
			l.DefaultGroups = append(l.DefaultGroups, g)
		}
		slices.Sort(l.DefaultGroups)
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	if err := l.place(); err != nil {
		return nil, err
	}
	return l, l.Validate()
}
