package node

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/device/store"
)

const (
	maxWriteBacks     = 64              // write-backs for readers at a time, divided among principals
	writeBackPatience = 5 * time.Second // of one
)

// hint keeps a durable hint that a group has missed something, until this replica
// has delivered it.
func (n *Node) hint(in *mesh.Incoming, m *wire.Hint) {
	n.noteArrival(in, &m.Target)
	b := n.backend(in, &m.Target, &m.ID)
	if b == nil {
		return
	}
	if _, _, known := n.layout.Load().Owner(m.Missed, m.ID); !known || m.Missed == m.Group {
		in.Fail(foci.Errorf(foci.Invalid, "hint for group %d: no other group of the layout", m.Missed))
		return
	}
	id := visible(in, b, &m.Scope, m.ID)
	if bucket, is := n.isStray(b, &m.Scope, id, m.Missed); is {
		in.Fail(stray(bucket, m.Missed))
		return
	}
	if m.Now {
		n.writeBack(in, b, m)
		return
	}
	b.Hint(store.Hint{Group: m.Missed, ID: id}, in.From.Who(), func(err error) {
		if err != nil {
			in.Fail(err)
			return
		}
		n.deliverSoon()
		reply := wire.HintReply{Epoch: m.Epoch}
		in.Reply(reply.Append(nil), nil)
	})
}

// writeBack does read repair for a reader that may not write: it sends the group
// that missed something what this replica holds of the object, and answers when
// that is done. It sends only what is durable here, and keeps no hint.
func (n *Node) writeBack(in *mesh.Incoming, b *store.Backend, m *wire.Hint) {
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
	slot, err := n.writeBacks.take(in.From.Who())
	if err != nil {
		in.Fail(err)
		return
	}
	p.Repair(id, m.Group, m.Missed, writeBackPatience, func(err error) {
		n.writeBacks.release(slot)
		if err != nil {
			in.Fail(err)
			return
		}
		reply := wire.HintReply{Epoch: m.Epoch}
		in.Reply(reply.Append(nil), nil)
	})
}
