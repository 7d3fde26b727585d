package node

import (
	"fmt"
	"strconv"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/device/store"
	"github.com/foci-store/foci/internal/peer"
	"github.com/foci-store/foci/internal/peer/path"
)

// handle serves one request. It runs on the goroutine that reads the channel,
// so what may take long goes elsewhere.
func (n *Node) handle(in *mesh.Incoming) {
	switch in.Method {
	case wire.MethodQuery:
		n.query(in)
	case wire.MethodStore:
		n.put(in)
	case wire.MethodHave:
		n.have(in)
	case wire.MethodFetch:
		n.apart(in, n.fetch)
	case wire.MethodHint:
		n.apart(in, n.hint)
	case wire.MethodList:
		n.apart(in, n.list)
	case wire.MethodRoutes, wire.MethodDigest, wire.MethodWatch, wire.MethodRenew:
		n.membership(in)
	case wire.MethodForward:
		n.forward(in)
	case wire.MethodRelayed:
		if path.Unwrap(in, n.cfg.Auth.Certificates()) {
			n.handle(in)
		}
	case wire.MethodLayout:
		n.apart(in, n.giveLayout)
	case wire.MethodStatus:
		n.apart(in, n.status)
	case wire.MethodPing:
		in.Reply(nil, nil)
	default:
		in.Fail(foci.Errorf(foci.Protocol, "method %d is not known here", in.Method))
	}
}

// apart serves a request that may wait for a disk, or take long, on a goroutine
// of its own; when too many do, it is refused.
func (n *Node) apart(in *mesh.Incoming, serve func(*mesh.Incoming)) {
	slot, err := n.reads.enter(in.From.Who())
	if err != nil {
		in.Fail(err)
		return
	}
	n.tasks.Go(func() {
		defer n.reads.leave(slot)
		if in.Canceled() && !mutant.On(mutant.ReadsUnwanted) { // a copy has taken its place, or its asker is gone
			in.Fail(foci.Errorf(foci.Canceled, "no longer wanted"))
			return
		}
		serve(in)
	})
}

// read decodes the head of a request whose asker may ask that; else the request
// is failed.
func read[M any, P interface {
	*M
	codec.Message
}](in *mesh.Incoming) (P, bool) {
	m := P(new(M))
	if err := codec.Unmarshal(in.Head, m); err != nil {
		in.Fail(err)
		return nil, false
	}
	return m, peer.Permit(in, m)
}

// backend finds who serves a target, by the rule of epochs: a request of an
// older layout is told so, one of a newer layout waits until this node has it.
// When there is nobody the request is failed.
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
		n.catchUp()
		in.Fail(&foci.Error{Kind: foci.Busy, Msg: "this node is fetching the newer layout", RetryAfter: 50 * time.Millisecond})
		return nil
	}
	which := t.Backend
	if id != nil {
		which, _, _ = s.Owner(t.Group, *id)
	}
	if b := n.backends[which]; b != nil {
		if e := b.Epoch(); e > s.Epoch {
			// A newer layout is being adopted, or was and has been lost since.
			n.catchUp()
			in.Fail(&foci.Error{
				Kind: foci.Busy, Where: "backend " + which.Short(), RetryAfter: 50 * time.Millisecond,
				Msg: fmt.Sprintf("works by the layout of epoch %d, this node has that of epoch %d", e, s.Epoch), Fix: "bring back a node that has it",
			})
			return nil
		}
		return b
	}
	in.Fail(foci.Errorf(foci.NotReady, "backend %v of group %d is not served by this node", which, t.Group))
	return nil
}

// catchUp has the newest layout fetched from other nodes, as a request needs it.
func (n *Node) catchUp() {
	if p := n.peer.Load(); p != nil {
		p.ClaimLayout()
	}
}

func groupText(g foci.Group) string { return strconv.FormatUint(uint64(g), 10) }
