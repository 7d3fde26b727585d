package peer

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer/membership"
	"github.com/foci-store/foci/internal/peer/operation"
)

// repairRestarts is small: each restart sends the missing records again, and the
// caller will repeat a failed repair.
const repairRestarts = 2

// Repair makes two groups hold the same current content of one object, by a read of
// these groups alone with read repair: both vote, and the records that one lacks are
// written to it. Two groups need not be a quorum, so the result of the read is not
// used. done is called once.
func (p *Peer) Repair(id foci.ID, one, other foci.Group, patience time.Duration, done func(error)) {
	l := p.Layout()
	if l == nil {
		done(membership.NoLayout())
		return
	}
	among := []foci.Group{one, other}
	deadline := p.Now() + patience
	r := quorum.NewRead(quorum.Config{
		Plan: quorum.Plan{Epoch: l.Epoch, Groups: among}, Level: foci.All, Deadline: deadline, Restarts: repairRestarts,
		Clock: func() int64 { return time.Now().UnixNano() }, Nonce: nonce,
	}, id, 0)
	p.Run(r, operation.Op{ID: id, Class: foci.Recovery, Deadline: deadline, Among: among, Done: func() {
		_, err := r.Result()
		done(err)
	}})
}

// Reachable reports whether the owner of an id in a group has an open channel.
func (p *Peer) Reachable(g foci.Group, id foci.ID) bool {
	l := p.Layout()
	if l == nil {
		return false
	}
	_, node, ok := l.Owner(g, id)
	return ok && p.paths.IsUp(node)
}

// GroupReachable reports whether the node of any backend of a group has an open channel.
func (p *Peer) GroupReachable(g foci.Group) bool {
	l := p.Layout()
	return l != nil && slices.ContainsFunc(l.Backends, func(b layout.Backend) bool { return b.Group == g && p.paths.IsUp(b.Node) })
}
