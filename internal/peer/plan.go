package peer

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/path"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer/membership"
)

// Config returns the configuration of an operation on a bucket: by the present layout,
// with the nearest groups first.
func (p *Peer) Config(bucket string, id foci.ID, level foci.Level, deadline time.Duration) (quorum.Config, error) {
	l := p.Layout()
	if l == nil {
		return quorum.Config{}, membership.NoLayout()
	}
	groups, hedge := p.nearest(l, bucket, id)
	return quorum.Config{
		Plan: quorum.Plan{Epoch: l.Epoch, Groups: groups}, Level: level, Deadline: deadline, Hedge: hedge,
		Clock: func() int64 { return time.Now().UnixNano() }, Nonce: nonce, Name: l.NodeName,
	}, nil
}

// nearest returns the groups of an object, nearest owner first, and the hedging delay.
func (p *Peer) nearest(l *layout.Snapshot, bucket string, id foci.ID) ([]foci.Group, time.Duration) {
	groups := slices.Clone(l.GroupsOf(bucket))
	replicas := make([]path.Replica, len(groups), foci.MaxGroups)
	for i, g := range groups {
		_, node, _ := l.Owner(g, id)
		replicas[i] = path.Replica{Group: g, Node: node}
	}
	hedge := p.paths.Order(replicas)
	for i := range replicas {
		groups[i] = replicas[i].Group
	}
	return groups, hedge
}

// nonce draws from the runtime's generator, which is seeded by the system and is
// unpredictable.
func nonce() uint64 {
	for {
		if n := rand.Uint64(); n != 0 {
			return n
		}
	}
}

// planner plans operations by the layout.
type planner struct{ *Peer }

// Route finds the node of a leg's target, and the path to it; it is called under the
// lock of operations.
func (p planner) Route(t txn.Target, class foci.Class) (txn.Path, error) {
	l := p.Layout()
	if l == nil {
		return txn.Path{}, membership.NoLayout()
	}
	if !t.Backend.IsZero() {
		b := l.Backend(t.Backend)
		if b == nil {
			return txn.Path{}, foci.Errorf(foci.NoRoute, "backend %v is not in the layout of epoch %d", t.Backend, l.Epoch)
		}
		return p.hop(b.Node, class)
	}
	_, node, ok := l.Owner(t.Group, t.ID)
	if !ok {
		return txn.Path{}, foci.Errorf(foci.NoRoute, "group %d is not in the layout of epoch %d", t.Group, l.Epoch)
	}
	return p.hop(node, class)
}

// hop is the present path to a node.
func (p planner) hop(node foci.NodeID, class foci.Class) (txn.Path, error) {
	to, err := p.paths.Find(node, class)
	return txn.Path{Peer: to.Node, Relay: to.Relay}, err
}

// Nearest returns the groups of an object, nearest first.
func (p planner) Nearest(s *layout.Snapshot, bucket string, id foci.ID) []foci.Group {
	groups, _ := p.nearest(s, bucket, id)
	return groups
}

// Need lets an operation wait for a newer layout.
func (p planner) Need(epoch foci.Epoch, until time.Duration, tell func(*layout.Snapshot)) {
	p.NeedLayout(epoch, until, tell)
}
