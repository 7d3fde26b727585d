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

// repairRestarts is little: each sends what is lacking once more, and whoever
// wants the repair will want it again.
const repairRestarts = 2

// Repair makes two groups hold the same of one object's current content, by
// the read that any reader does, of these groups alone: both vote, and what one
// lacks is written to it. It is not a read for anybody, as two groups need not
// be a quorum. done is called once.
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

// Reachable reports whether the owner of an id in a group can be sent to now.
func (p *Peer) Reachable(g foci.Group, id foci.ID) bool {
	l := p.Layout()
	if l == nil {
		return false
	}
	_, node, ok := l.Owner(g, id)
	return ok && p.paths.IsUp(node)
}

// GroupReachable reports whether any backend of a group can be sent to now.
func (p *Peer) GroupReachable(g foci.Group) bool {
	l := p.Layout()
	return l != nil && slices.ContainsFunc(l.Backends, func(b layout.Backend) bool { return b.Group == g && p.paths.IsUp(b.Node) })
}
