package membership

import (
	"context"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/lockorder"
)

const (
	callTimeout  = 5 * time.Second // for a question about routes
	maxExchanges = 32              // that run at a time
)

// exchanger exchanges routes with peers (anti-entropy), with several at a time: a peer
// that does not answer does not delay the others.
type exchanger struct {
	*env
	learn func(from *mesh.Identity, entries []wire.Route)
	fetch func(*mesh.Link, foci.Epoch) error // a peer's layout, when it is newer than ours

	mu lockorder.Mutex[lockorder.Leaf]

	// Guarded by mu.
	waiting []foci.NodeID // peers to exchange routes with
	workers int           // goroutines that take from waiting
}

// add queues an exchange of routes with a peer.
func (x *exchanger) add(id foci.NodeID) {
	if x.ctx.Err() != nil {
		return
	}
	x.mu.Lock()
	if !slices.Contains(x.waiting, id) && len(x.waiting) < foci.MaxNodes {
		x.waiting = append(x.waiting, id)
	}
	more := x.workers < maxExchanges
	if more {
		x.workers++
	}
	x.mu.Unlock()
	if more {
		x.tasks.Go(x.work)
	}
}

// take returns the next peer. If there is none, it counts the worker as ended.
func (x *exchanger) take() (id foci.NodeID, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.waiting) == 0 {
		x.workers--
		return id, false
	}
	id = x.waiting[0]
	x.waiting = x.waiting[1:]
	return id, true
}

// work exchanges routes with the waiting peers.
func (x *exchanger) work() {
	for {
		id, ok := x.take()
		if !ok {
			return
		}
		if err := x.exchange(id); err != nil && x.ctx.Err() == nil {
			x.log.Debug("exchange failed", "peer", id, "err", err)
		}
	}
}

// exchange compares routes with a peer, and fetches its layout if that is newer.
func (x *exchanger) exchange(id foci.NodeID) error {
	l := x.mesh.Peer(id)
	if l == nil {
		return nil // it has left since it was chosen
	}
	ctx, cancel := context.WithTimeout(x.ctx, callTimeout)
	defer cancel()
	epoch, err := x.compare(ctx, l)
	if err != nil {
		return err
	}
	return x.fetch(l, epoch)
}

// compare makes both route tables the same, and returns the epoch of the peer's
// layout. A transport client sends no routes.
func (x *exchanger) compare(ctx context.Context, l *mesh.Link) (foci.Epoch, error) {
	x.counters.compared.Add(1)
	mine := wire.Digest{Epoch: x.epoch(), Sums: x.view.digest()}
	if x.view.empty() {
		return x.swap(ctx, l, &wire.Routes{Epoch: mine.Epoch, All: true})
	}
	r, err := l.Call(ctx, foci.State, wire.MethodDigest, mine.Append(nil), nil)
	if err != nil {
		return 0, err
	}
	var theirs wire.Versions
	if err := codec.Unmarshal(r.Head, &theirs); err != nil {
		return 0, err
	}
	q := wire.Routes{Epoch: mine.Epoch}
	q.Routes, q.Want = x.view.compare(&theirs, verifies(l.Peer()), x.cfg.Wall())
	if !x.isMember() {
		q.Routes = nil
	}
	if len(q.Routes)+len(q.Want) == 0 {
		return theirs.Epoch, nil
	}
	return x.swap(ctx, l, &q)
}

// swap sends and requests routes, and merges the answer.
func (x *exchanger) swap(ctx context.Context, l *mesh.Link, q *wire.Routes) (foci.Epoch, error) {
	r, err := l.Call(ctx, foci.State, wire.MethodRoutes, q.Append(nil), nil)
	if err != nil {
		return 0, err
	}
	var theirs wire.Routes
	if err := codec.Unmarshal(r.Head, &theirs); err != nil {
		return 0, err
	}
	peer := l.Peer()
	x.learn(&peer, theirs.Routes)
	return theirs.Epoch, nil
}

func (v *view) digest() []uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.routes.Digest()
}

func (v *view) compare(theirs *wire.Versions, proofs bool, now int64) ([]wire.Route, []foci.NodeID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.routes.Compare(theirs, proofs, now)
}
