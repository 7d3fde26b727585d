package node

import (
	"context"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/store"
	"github.com/foci-store/foci/internal/layout"
)

const (
	maxDeliveries = 16 // hints delivered at a time, by one node
	deliverPause  = 50 * time.Millisecond
	deliverRest   = time.Second      // after a round in which some could not be delivered
	maxFailures   = 8                // hints for one backend that fail in a round; the rest waits for the next
	deliverAgain  = 10 * time.Second // between rounds for hints that could not be delivered
	hintPage      = 256              // hints read from a backend at a time
)

// deliverSoon starts a round of deliveries. It never blocks.
func (n *Node) deliverSoon() {
	select {
	case n.hinted <- struct{}{}:
	default:
	}
}

// deliverHints sends other groups the records that they have missed (hinted handoff),
// as soon as they are reachable, until ctx ends.
func (n *Node) deliverHints(ctx context.Context) {
	again := time.NewTicker(deliverAgain)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.hinted:
		case <-again.C:
		}
		pause := deliverPause
		for _, b := range n.backends {
			if !n.deliverAll(ctx, b) {
				pause = deliverRest
			}
		}
		select { // hints come in thousands, each with a signal
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// deliverAll delivers the hints of one backend whose owner is reachable, up to
// maxDeliveries at a time. It reports whether all deliveries succeeded.
func (n *Node) deliverAll(ctx context.Context, b *store.Backend) bool {
	if b.Stats().Hints == 0 {
		return true
	}
	own, ok := n.groupOf(b.ID())
	if !ok {
		return true
	}
	r := round{tokens: make(chan struct{}, maxDeliveries), failed: map[foci.BackendID]int{}}
	defer r.open.Wait()
	for after := (store.Hint{}); ctx.Err() == nil; {
		page, err := n.nextHints(b, after)
		if err != nil {
			n.log.Warn("hints cannot be read", "backend", b.ID().Short(), "err", err)
			return false
		}
		for _, k := range page {
			if !owns(n.layout.Load(), own, k.ID, b.ID()) || !n.peer.Load().Reachable(k.Group, k.ID) || r.failedOften(n.target(k)) {
				continue
			}
			select {
			case r.tokens <- struct{}{}:
			case <-ctx.Done():
				return false
			}
			n.deliver(b, own, k, &r)
		}
		if len(page) == 0 {
			r.open.Wait()
			return len(r.failed) == 0
		}
		after = page[len(page)-1]
	}
	return false
}

// round is one pass through a backend's hints.
type round struct {
	open   sync.WaitGroup
	tokens chan struct{} // one for each that is being delivered

	mu     sync.Mutex
	failed map[foci.BackendID]int // guarded by mu; deliveries to a backend that failed, as to one that is full
}

func (r *round) failedOften(b foci.BackendID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed[b] >= maxFailures
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

// nextHints returns the next hints of a group with a reachable node. It skips other
// groups whole: they may have very many hints, for a long time.
func (n *Node) nextHints(b *store.Backend, after store.Hint) ([]store.Hint, error) {
	for {
		page, err := b.Hints(after, hintPage)
		if err != nil || len(page) == 0 || n.peer.Load().GroupReachable(page[0].Group) {
			return page, err
		}
		after = store.LastHint(page[0].Group)
	}
}

// deliver delivers one hint: it repairs the object in the hint's group.
func (n *Node) deliver(b *store.Backend, own foci.Group, k store.Hint, r *round) {
	end := b.Follow(k)
	if end == nil {
		<-r.tokens
		return
	}
	// By a newer layout the bucket may be in other groups: this one would refuse the
	// object at every delivery.
	if _, is := n.isStray(b, &wire.Scope{}, k.ID, k.Group); is {
		end(true)
		<-r.tokens
		return
	}
	r.open.Add(1)
	n.peer.Load().Repair(k.ID, own, k.Group, n.cfg.Deadline, func(err error) {
		if err != nil {
			r.fail(n.target(k))
			n.log.Debug("hint cannot be delivered yet", "group", k.Group, "id", k.ID.Short(), "err", err)
		}
		end(err == nil)
		<-r.tokens
		r.open.Done()
	})
}

// owns reports whether a backend owns an id in its group. If another backend owns it by
// a newer layout, a repair does not read this one, so its hint must not be dropped.
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
