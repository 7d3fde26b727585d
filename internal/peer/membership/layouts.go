package membership

import (
	"context"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/lockorder"
)

const (
	layoutTimeout  = 2 * time.Second // for a peer to give its layout
	minSearchPause = 100 * time.Millisecond
	maxSearchPause = 10 * time.Second // between two rounds of a search
	maxSearched    = 32               // random peers that are asked in a round
	// claimEvery is the shortest time between two searches that requests cause by
	// naming a newer epoch.
	claimEvery = 5 * time.Second
)

// layouts keeps the layout up to date. The holder of it is the process's.
type layouts struct {
	*env
	keepLinks func()            // to the nodes of a layout that was adopted
	exchange  func(foci.NodeID) // queues an exchange of routes and layout with a peer

	fetching chan struct{} // holds a token while a peer's layout is fetched

	// adopting is held while a layout is adopted: an older one must not be put on
	// the disk after a newer one.
	adopting lockorder.Mutex[lockorder.Adoption]

	mu lockorder.Mutex[lockorder.Leaf]

	// Guarded by mu.
	waiting   []layoutWaiter // for a newer layout
	searching bool           // a goroutine asks peers for their layout
	claimed   time.Duration  // when a request last caused a search; 0 = never
}

// layoutWaiter waits for a layout of at least epoch. tell is called once, or never if
// until passes first.
type layoutWaiter struct {
	epoch foci.Epoch
	until time.Duration // on Config.Clock
	tell  func(*layout.Snapshot)
}

// NoLayout is the error of what needs a layout when there is none.
func NoLayout() error {
	return &foci.Error{Kind: foci.NotReady, Msg: "no layout is known yet", Fix: "foci init makes one; members send theirs to new members"}
}

// Adopt makes a layout the one to work by if it is newer than the present one.
func (l *layouts) Adopt(v *layout.Layout) error {
	l.adopting.Lock()
	defer l.adopting.Unlock()
	if v.Epoch <= l.epoch() {
		return nil
	}
	if want := l.mesh.Cluster(); want != "" && v.Cluster != want {
		return foci.Errorf(foci.Denied, "a layout of cluster %q, this is %q", v.Cluster, want)
	}
	s, err := layout.NewSnapshot(v)
	if err != nil {
		return err
	}
	if l.cfg.Adopted != nil {
		if err := l.cfg.Adopted(s); err != nil {
			return err
		}
	}
	if l.cfg.Layout.Adopt(s) {
		l.log.Info("layout adopted", "epoch", s.Epoch)
		l.keepLinks()
		l.tell(s)
		l.cfg.Paths.RoutesChanged()
	}
	return nil
}

// fetch fetches a peer's layout if its epoch is newer than ours. It asks one peer at a
// time, as the next peer mostly has the same layout.
func (l *layouts) fetch(from *mesh.Link, epoch foci.Epoch) error {
	if epoch <= l.epoch() {
		return nil
	}
	l.fetching <- struct{}{}
	defer func() { <-l.fetching }()
	if epoch <= l.epoch() {
		return nil
	}
	ctx, cancel := context.WithTimeout(l.ctx, layoutTimeout)
	defer cancel()
	r, err := from.Call(ctx, foci.State, wire.MethodLayout, nil, nil)
	if err != nil {
		return err
	}
	parsed, err := layout.Parse(r.Body)
	if err != nil {
		return err
	}
	return l.Adopt(parsed)
}

// NeedLayout searches for a layout of at least an epoch, and calls tell once with it, or
// never if until, on Config.Clock, passes first.
func (l *layouts) NeedLayout(epoch foci.Epoch, until time.Duration, tell func(*layout.Snapshot)) {
	l.add(layoutWaiter{epoch, until, tell})
	if s := l.Layout(); s != nil {
		l.tell(s)
	}
	l.SearchLayout()
}

// AwaitLayout waits for a layout of at least an epoch, until a deadline on
// Config.Clock. It fails with StaleLayout when none has come.
func (l *layouts) AwaitLayout(ctx context.Context, epoch foci.Epoch, deadline time.Duration) error {
	adopted := make(chan struct{})
	l.NeedLayout(epoch, deadline, func(*layout.Snapshot) { close(adopted) })
	late := time.NewTimer(max(deadline-l.cfg.Clock(), 0))
	defer late.Stop()
	select {
	case <-adopted:
		return nil
	case <-ctx.Done():
		return foci.Errorf(foci.Canceled, "waiting for the layout of epoch %d was given up: %w", epoch, context.Cause(ctx))
	case <-late.C:
	case <-l.ctx.Done():
	}
	return foci.Errorf(foci.StaleLayout, "no node gave the layout of epoch %d", epoch)
}

// ClaimLayout observes that a request names a newer layout. The sender may be wrong or
// hostile, so requests cause at most one search in claimEvery; the exchanges with other
// members find a newer layout too.
func (l *layouts) ClaimLayout() {
	if l.claim(l.cfg.Clock()) {
		l.SearchLayout()
	}
}

// SearchLayout starts a search for a newer layout, unless one is running.
func (l *layouts) SearchLayout() {
	if l.ctx.Err() == nil && l.begin() {
		l.tasks.Go(l.search)
	}
}

// search asks peers for their layout while there are waiters.
func (l *layouts) search() {
	for pause := minSearchPause; ; pause = min(2*pause, maxSearchPause) {
		for _, id := range l.peersUp(maxSearched) {
			l.exchange(id)
		}
		if !l.pause(pause) || l.end(l.cfg.Clock()) {
			return
		}
	}
}

func (l *layouts) add(w layoutWaiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, w)
}

// tell gives a layout to the waiters that it satisfies.
func (l *layouts) tell(s *layout.Snapshot) {
	var ready []layoutWaiter
	l.mu.Lock()
	l.waiting = slices.DeleteFunc(l.waiting, func(w layoutWaiter) bool {
		if w.epoch > s.Epoch {
			return false
		}
		ready = append(ready, w)
		return true
	})
	l.mu.Unlock()
	for _, w := range ready {
		w.tell(s)
	}
}

// claim reports whether a request may cause a search now.
func (l *layouts) claim(now time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.claimed != 0 && now-l.claimed < claimEvery && !mutant.On(mutant.RequestEpochs) {
		return false
	}
	l.claimed = max(now, 1)
	return true
}

// begin reports whether a search must begin: none is running.
func (l *layouts) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.searching {
		return false
	}
	l.searching = true
	return true
}

// end drops expired waiters, and reports whether the search ends because no waiter is
// left.
func (l *layouts) end(now time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(w layoutWaiter) bool { return w.until <= now })
	l.searching = len(l.waiting) > 0
	return !l.searching
}
