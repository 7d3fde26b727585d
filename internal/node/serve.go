package node

import (
	"fmt"
	"strconv"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/device/store"
	"github.com/foci-store/foci/internal/peer"
	"github.com/foci-store/foci/internal/serve"
)

// handlers returns the handlers of a replica's methods. Package peer has those of every
// member.
func (n *Node) handlers() []serve.Handler {
	return []serve.Handler{
		serve.On(n.query), serve.On(n.fetch), serve.On(n.list), // get.go
		serve.On(n.put), serve.On(n.have), // put.go
		serve.On(n.hint), // repair.go
	}
}

// apart serves a request that may wait for a disk, or take long, on a goroutine of its
// own. If too many run, it refuses the request.
func (n *Node) apart(in *mesh.Incoming, serve func(*mesh.Incoming)) {
	slot, err := n.reads.take(in.From.Who())
	if err != nil {
		in.Fail(err)
		return
	}
	n.tasks.Go(func() {
		defer n.reads.release(slot)
		if in.Canceled() && !mutant.On(mutant.ReadsUnwanted) { // a copy has taken its place, or its asker is gone
			in.Fail(foci.Errorf(foci.Canceled, "no longer wanted"))
			return
		}
		serve(in)
	})
}

// voter finds the backend that votes for a target, as backend does. A node whose
// clock is astray does not vote: gets, puts and listings count votes.
func (n *Node) voter(in *mesh.Incoming, t *wire.Target, id *foci.ID) *store.Backend {
	if a := n.astray.Load(); a != nil && !mutant.On(mutant.StoppedNodeVotes) {
		in.Fail(a.Err())
		return nil
	}
	return n.backend(in, t, id)
}

// backend finds the backend that serves a target; without one it fails the request. A
// request of an older layout fails with StaleLayout. One of a newer layout fails with
// Busy, and this node fetches that layout.
func (n *Node) backend(in *mesh.Incoming, t *wire.Target, id *foci.ID) *store.Backend {
	s := n.layout.Load()
	switch {
	case s == nil:
		in.Fail(&foci.Error{Kind: foci.NotReady, Msg: "this node has no layout", Fix: "give it the one that foci init printed"})
		return nil
	case t.Epoch < s.Epoch:
		in.FailWith(&wire.Error{Kind: foci.StaleLayout, Epoch: s.Epoch, Text: "the layout here is of epoch " + strconv.FormatUint(uint64(s.Epoch), 10)})
		return nil
	case t.Epoch > s.Epoch:
		n.fetchLayout()
		in.Fail(&foci.Error{Kind: foci.Busy, Msg: "this node is fetching the newer layout", RetryAfter: 50 * time.Millisecond})
		return nil
	}
	which := t.Backend
	if id != nil {
		which, _, _ = s.Owner(t.Group, *id)
	}
	b := n.backends[which]
	if b == nil {
		in.Fail(foci.Errorf(foci.NotReady, "backend %v of group %d is not served by this node", which, t.Group))
		return nil
	}
	if e := b.Epoch(); e > s.Epoch {
		// A newer layout is being adopted, or was and has been lost since.
		n.fetchLayout()
		in.Fail(&foci.Error{
			Kind: foci.Busy, Where: "backend " + which.Short(), RetryAfter: 50 * time.Millisecond,
			Msg: fmt.Sprintf("works by the layout of epoch %d, this node has that of epoch %d", e, s.Epoch), Fix: "start a node that has it",
		})
		return nil
	}
	return b
}

// fetchLayout starts a search for a newer layout.
func (n *Node) fetchLayout() {
	if p := n.peer.Load(); p != nil {
		p.ClaimLayout()
	}
}

// joined returns the node's peer. Requests may arrive before the peer is set: joined
// fails them and returns nil.
func (n *Node) joined(in *mesh.Incoming) *peer.Peer {
	p := n.peer.Load()
	if p == nil {
		in.Fail(&foci.Error{Kind: foci.Busy, Msg: "this node is starting", RetryAfter: 20 * time.Millisecond})
	}
	return p
}

func groupText(g foci.Group) string { return strconv.FormatUint(uint64(g), 10) }
