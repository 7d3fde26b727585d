package node

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/device/store"
)

const (
	maxBrought    = 64              // write-backs for readers at a time, divided among principals
	bringPatience = 5 * time.Second // of one
)

// bring does the write-back of a reader that may not write: it makes the group
// that missed something hold what this replica holds of the object, and answers
// then. It moves only what is durable here, and remembers nothing.
func (n *Node) bring(in *mesh.Incoming, b *store.Backend, m *wire.Hint) {
	p := n.joined(in)
	if p == nil {
		return
	}
	id := visible(in, b, &m.Scope, m.ID)
	vote, _, err := b.Query(id, 0)
	switch {
	case err != nil:
	case vote.Newest.IsZero():
		err = foci.Errorf(foci.NotFound, "backend %s has nothing of object %s", b.ID().Short(), id.Short())
	case !p.Reachable(m.Missed, id):
		err = foci.Errorf(foci.Unreachable, "group %d cannot be reached from here", m.Missed)
	}
	if err != nil {
		in.Fail(err)
		return
	}
	who := in.From.Who()
	if mutant.On(mutant.BringShare) {
		who = share.Who{Member: true}
	}
	slot, err := n.bringing.enter(who)
	if err != nil {
		in.Fail(err)
		return
	}
	p.Repair(id, m.Group, m.Missed, bringPatience, func(err error) {
		n.bringing.leave(slot)
		if err != nil {
			in.Fail(err)
			return
		}
		reply := wire.HintReply{Epoch: m.Epoch}
		in.Reply(reply.Append(nil), nil)
	})
}
