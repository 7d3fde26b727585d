package node

import "github.com/foci-store/foci/internal/core/version"

// JudgeClock compares the node's clock with the others' now.
func (n *Node) JudgeClock() { n.judgeClock() }

// ClockOffsets are the clocks of other storing nodes that the node knows.
func (n *Node) ClockOffsets() []version.Offset {
	others, _ := n.clockOffsets()
	return others
}
