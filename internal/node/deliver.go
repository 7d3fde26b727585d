package node

import (
	"context"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/device/store"
	"github.com/foci-store/foci/internal/layout"
)

const (
	maxFollowed   = 16 // hints followed at a time, by one node
	followPause   = 50 * time.Millisecond
	followRest    = time.Second      // after a round in which some could not be followed
	maxUnfollowed = 8                // hints for one backend that fail in a round; it is left alone then
	followAgain   = 10 * time.Second // between looks for hints that could not be followed
	hintPage      = 256              // hints read from a backend at a time
)

// hint is the replica's part in what a group has missed: it remembers that,
// durably, until it has brought it there.
func (n *Node) hint(in *mesh.Incoming) {
	m, ok := read[wire.Hint](in)
	if !ok {
		return
	}
	n.came(in, &m.Target)
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
		n.bring(in, b, m)
		return
	}
	b.Hint(store.Hint{Group: m.Missed, ID: id}, in.From.Who(), func(err error) {
		if err != nil {
			in.Fail(err)
			return
		}
		n.followSoon()
		reply := wire.HintReply{Epoch: m.Epoch}
		in.Reply(reply.Append(nil), nil)
	})
}

// followSoon has the hints looked through. It never blocks.
func (n *Node) followSoon() {
	select {
	case n.hinted <- struct{}{}:
	default:
	}
}

// follow brings what other groups have missed to them, as soon as they can be
// reached, until ctx ends.
func (n *Node) follow(ctx context.Context) {
	again := time.NewTicker(followAgain)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.hinted:
		case <-again.C:
		}
		pause := followPause
		for _, b := range n.backends {
			if !n.followAll(ctx, b) {
				pause = followRest
			}
		}
		select { // each new hint rings, and they come in thousands
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// followAll looks through the hints of one backend and follows those whose
// group can be reached, some at a time. It reports whether that went well.
func (n *Node) followAll(ctx context.Context, b *store.Backend) bool {
	if b.Stats().Hints == 0 {
		return true
	}
	own, ok := n.groupOf(b.ID())
	if !ok {
		return true
	}
	r := round{tokens: make(chan struct{}, maxFollowed), failed: map[foci.BackendID]int{}}
	defer r.open.Wait()
	for after := (store.Hint{}); ctx.Err() == nil; {
		page, err := n.hintsWorthFollowing(b, after)
		if err != nil {
			n.log.Warn("hints cannot be read", "backend", b.ID().Short(), "err", err)
			return false
		}
		for _, k := range page {
			if !owns(n.layout.Load(), own, k.ID, b.ID()) || !n.peer.Load().Reachable(k.Group, k.ID) || r.gaveUp(n.target(k)) {
				continue
			}
			select {
			case r.tokens <- struct{}{}:
			case <-ctx.Done():
				return false
			}
			n.followOne(b, own, k, &r)
		}
		if len(page) == 0 {
			r.open.Wait()
			return len(r.failed) == 0
		}
		after = page[len(page)-1]
	}
	return false
}

// round is one look through a backend's hints.
type round struct {
	open   sync.WaitGroup
	tokens chan struct{} // one for each that is being followed

	mu     sync.Mutex
	failed map[foci.BackendID]int // by who would not take what he lacks, as one that is full
}

func (r *round) gaveUp(b foci.BackendID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed[b] >= maxUnfollowed
}

func (r *round) fail(b foci.BackendID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed[b]++
}

// target is the backend that a hint is for.
func (n *Node) target(k store.Hint) foci.BackendID {
	b, _, _ := n.layout.Load().Owner(k.Group, k.ID)
	return b
}

// hintsWorthFollowing are the next hints of a group that is not wholly away: it
// may have very many, and may be away for long.
func (n *Node) hintsWorthFollowing(b *store.Backend, after store.Hint) ([]store.Hint, error) {
	for {
		page, err := b.Hints(after, hintPage)
		if err != nil || len(page) == 0 || n.peer.Load().GroupReachable(page[0].Group) {
			return page, err
		}
		after = store.LastHint(page[0].Group)
	}
}

func (n *Node) followOne(b *store.Backend, own foci.Group, k store.Hint, r *round) {
	end := b.Follow(k)
	if end == nil {
		<-r.tokens
		return
	}
	// A newer layout may have the bucket in other groups: this one would refuse
	// the object, each time that the hint is delivered.
	if _, is := n.isStray(b, &wire.Scope{}, k.ID, k.Group); is {
		end(true)
		<-r.tokens
		return
	}
	r.open.Add(1)
	n.peer.Load().Repair(k.ID, own, k.Group, n.cfg.Deadline, func(err error) {
		if err != nil {
			r.fail(n.target(k))
			n.log.Debug("hint cannot be followed yet", "group", k.Group, "id", k.ID.Short(), "err", err)
		}
		end(err == nil)
		<-r.tokens
		r.open.Done()
	})
}

// owns reports whether a backend is who is asked for an id in its group. When
// another one is, by a newer layout, a comparison says nothing of what this one
// has, and its hint must not be dropped for that.
func owns(l *layout.Snapshot, g foci.Group, id foci.ID, b foci.BackendID) bool {
	if l == nil {
		return false
	}
	owner, _, ok := l.Owner(g, id)
	return ok && owner == b
}

// groupOf is the group of one of this node's backends in the present layout.
func (n *Node) groupOf(id foci.BackendID) (foci.Group, bool) {
	if l := n.layout.Load(); l != nil {
		if b := l.Backend(id); b != nil {
			return b.Group, true
		}
	}
	return 0, false
}
