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

// exchanges are the peers to exchange routes with. With many at a time, one that
// does not answer holds up none of the others.
type exchanges struct {
	mu lockorder.Mutex[lockorder.Leaf]

	// Guarded by mu.
	waiting []foci.NodeID
	workers int // goroutines that take from waiting
}

// add adds a peer, and reports whether one more worker is to begin.
func (e *exchanges) add(id foci.NodeID) (more bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Contains(e.waiting, id) && len(e.waiting) < foci.MaxNodes {
		e.waiting = append(e.waiting, id)
	}
	if more = e.workers < maxExchanges; more {
		e.workers++
	}
	return more
}

// take takes out the next peer; without one the worker that asks has ended.
func (e *exchanges) take() (id foci.NodeID, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting) == 0 {
		e.workers--
		return id, false
	}
	id = e.waiting[0]
	e.waiting = e.waiting[1:]
	return id, true
}

// exchangeWith has routes exchanged with a peer, soon.
func (m *Members) exchangeWith(id foci.NodeID) {
	if m.ctx.Err() == nil && m.exchanges.add(id) {
		m.tasks.Go(m.exchangeAll)
	}
}

// exchangeAll exchanges routes with the peers that wait for it.
func (m *Members) exchangeAll() {
	for {
		id, ok := m.exchanges.take()
		if !ok {
			return
		}
		if err := m.exchange(id); err != nil && m.ctx.Err() == nil {
			m.log.Debug("exchange failed", "peer", id, "err", err)
		}
	}
}

// exchange compares routes with a peer, and fetches its layout if that is newer.
func (m *Members) exchange(id foci.NodeID) error {
	l := m.mesh.Peer(id)
	if l == nil {
		return nil // it has left since it was chosen
	}
	ctx, cancel := context.WithTimeout(m.ctx, callTimeout)
	defer cancel()
	epoch, err := m.compare(ctx, l)
	if err != nil {
		return err
	}
	return m.fetchLayout(l, epoch)
}

// compare makes both tables of routes the same, and returns the epoch of the
// peer's layout. A transport client tells nothing.
func (m *Members) compare(ctx context.Context, l *mesh.Link) (foci.Epoch, error) {
	m.counters.compared.Add(1)
	mine := wire.Digest{Epoch: m.epoch(), Sums: m.view.digest()}
	if m.view.empty() {
		return m.swap(ctx, l, &wire.Routes{Epoch: mine.Epoch, All: true})
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
	q.Routes, q.Want = m.view.compare(&theirs, verifies(l.Peer()), m.cfg.Wall())
	if !m.isMember() {
		q.Routes = nil
	}
	if len(q.Routes)+len(q.Want) == 0 {
		return theirs.Epoch, nil
	}
	return m.swap(ctx, l, &q)
}

// swap tells and asks for routes, and merges the answer.
func (m *Members) swap(ctx context.Context, l *mesh.Link, q *wire.Routes) (foci.Epoch, error) {
	r, err := l.Call(ctx, foci.State, wire.MethodRoutes, q.Append(nil), nil)
	if err != nil {
		return 0, err
	}
	var theirs wire.Routes
	if err := codec.Unmarshal(r.Head, &theirs); err != nil {
		return 0, err
	}
	peer := l.Peer()
	m.learn(&peer, theirs.Routes)
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
