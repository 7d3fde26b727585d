package node

import (
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// forward passes a request on to the node that it names, for somebody who
// cannot reach that one. It looks neither who owns what nor for another way.
func (n *Node) forward(in *mesh.Incoming) {
	m, ok := read[wire.Forward](in)
	if !ok {
		return
	}
	if p := n.joined(in); p != nil {
		p.Paths().Forward(in, m)
	}
}
