package node

import "github.com/foci-store/foci/internal/core/share"

// BeginWriteBacks takes as many of the slots for write-backs as a peer gets, and
// returns how to give them back.
func (n *Node) BeginWriteBacks(who share.Who) (taken int, end func()) {
	var held []*share.Part
	for {
		slot, err := n.writeBacks.take(who)
		if err != nil {
			break
		}
		held = append(held, slot)
	}
	return len(held), func() {
		for _, slot := range held {
			n.writeBacks.release(slot)
		}
	}
}
