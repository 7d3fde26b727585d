package node

import (
	"crypto/rand"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/layout"
)

// TestHintOfAnotherOwner is a hint that is kept where the object was before a
// change of layout: it is not followed by asking somebody else.
func TestHintOfAnotherOwner(t *testing.T) {
	p := &layout.Plan{Cluster: "c"}
	for i, name := range []string{"a", "b"} {
		p.Nodes = append(p.Nodes, layout.PlanNode{
			Name: name, Addrs: []route.Address{{Host: "10.0.0.1", Port: uint16(i + 1), Family: route.IPv4, Table: 2}},
			Backends: []layout.PlanBackend{{Group: foci.Group(i + 1)}},
		})
	}
	l, err := layout.Init(p, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := layout.NewSnapshot(l)
	if err != nil {
		t.Fatal(err)
	}
	one, other, id := s.Backends[0], s.Backends[1], foci.ID{7}
	if !owns(s, one.Group, id, one.ID) || owns(s, one.Group, id, other.ID) || owns(s, 99, id, one.ID) || owns(nil, one.Group, id, one.ID) {
		t.Error("the owner is not told from others")
	}
}
