package node

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/device/store"
)

// JudgeClock compares the node's clock with the others' now.
func (n *Node) JudgeClock() { n.judgeClock() }

// ClockOffsets are the clocks of other storing nodes that the node knows.
func (n *Node) ClockOffsets() []version.Offset {
	others, _ := n.clockOffsets()
	return others
}

// KeepHint keeps a hint in the node's only backend, and has it delivered.
func (n *Node) KeepHint(g foci.Group, id foci.ID, done func(error)) {
	for _, b := range n.backends {
		b.Hint(store.Hint{Group: g, ID: id}, share.Who{Member: true}, func(err error) {
			n.deliverSoon()
			done(err)
		})
	}
}
