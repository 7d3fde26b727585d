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

// layouts are the waiters for a newer layout, and the search for one.
type layouts struct {
	fetching chan struct{} // holds a token while a peer's layout is fetched

	// adopting is held while a layout is adopted: an older one must not be put on
	// the disk after a newer one.
	adopting lockorder.Mutex[lockorder.Adoption]

	mu lockorder.Mutex[lockorder.Leaf]

	// Guarded by mu.
	waiting   []layoutWaiter
	searching bool          // a goroutine asks peers for their layout
	claimed   time.Duration // when a request last caused a search; 0 = never
}

// layoutWaiter waits for a layout of at least epoch. tell is called once, or
// never when until comes first.
type layoutWaiter struct {
	epoch foci.Epoch
	until time.Duration // on Config.Clock
	tell  func(*layout.Snapshot)
}

// Layout is the layout that this process works by; nil when it has none.
func (m *Members) Layout() *layout.Snapshot { return m.cfg.Layout.Load() }

// epoch is that of the layout; 0 = there is none.
func (m *Members) epoch() foci.Epoch { return m.cfg.Layout.Epoch() }

// NoLayout is the error of what needs a layout when there is none.
func NoLayout() error {
	return &foci.Error{Kind: foci.NotReady, Msg: "no layout is known yet", Fix: "foci init makes one; members give theirs to newcomers"}
}

// Adopt makes a layout the one to work by if it is newer than the present one.
func (m *Members) Adopt(v *layout.Layout) error {
	m.layouts.adopting.Lock()
	defer m.layouts.adopting.Unlock()
	if v.Epoch <= m.epoch() {
		return nil
	}
	if want := m.mesh.Cluster(); want != "" && v.Cluster != want {
		return foci.Errorf(foci.Denied, "a layout of cluster %q, this is %q", v.Cluster, want)
	}
	s, err := layout.NewSnapshot(v)
	if err != nil {
		return err
	}
	if m.cfg.Adopted != nil {
		if err := m.cfg.Adopted(s); err != nil {
			return err
		}
	}
	if m.cfg.Layout.Adopt(s) {
		m.log.Info("layout adopted", "epoch", s.Epoch)
		m.keepLinks()
		m.layouts.tell(s)
		m.cfg.Paths.RoutesChanged()
	}
	return nil
}

// fetchLayout fetches a peer's layout when its epoch is newer than ours. One peer
// at a time is asked: after it the next has mostly nothing new.
func (m *Members) fetchLayout(l *mesh.Link, epoch foci.Epoch) error {
	if epoch <= m.epoch() {
		return nil
	}
	m.layouts.fetching <- struct{}{}
	defer func() { <-m.layouts.fetching }()
	if epoch <= m.epoch() {
		return nil
	}
	ctx, cancel := context.WithTimeout(m.ctx, layoutTimeout)
	defer cancel()
	r, err := l.Call(ctx, foci.State, wire.MethodLayout, nil, nil)
	if err != nil {
		return err
	}
	parsed, err := layout.Parse(r.Body)
	if err != nil {
		return err
	}
	return m.Adopt(parsed)
}

// NeedLayout calls tell once there is a layout of at least an epoch, and searches
// for it; it is never called when until, on Config.Clock, comes first.
func (m *Members) NeedLayout(epoch foci.Epoch, until time.Duration, tell func(*layout.Snapshot)) {
	m.layouts.add(layoutWaiter{epoch, until, tell})
	if s := m.Layout(); s != nil {
		m.layouts.tell(s)
	}
	m.SearchLayout()
}

// AwaitLayout waits for a layout of at least an epoch, until a deadline on
// Config.Clock. It fails with StaleLayout when none has come.
func (m *Members) AwaitLayout(ctx context.Context, epoch foci.Epoch, deadline time.Duration) error {
	adopted := make(chan struct{})
	m.NeedLayout(epoch, deadline, func(*layout.Snapshot) { close(adopted) })
	late := time.NewTimer(max(deadline-m.cfg.Clock(), 0))
	defer late.Stop()
	select {
	case <-adopted:
		return nil
	case <-ctx.Done():
		return foci.Errorf(foci.Canceled, "waiting for the layout of epoch %d was given up: %w", epoch, context.Cause(ctx))
	case <-late.C:
	case <-m.ctx.Done():
	}
	return foci.Errorf(foci.StaleLayout, "no node gave the layout of epoch %d", epoch)
}

// ClaimLayout says that a request names a newer layout. Whoever sends requests
// can name any, so they cause one search in claimEvery and no more; the
// comparisons with other members find a newer layout too.
func (m *Members) ClaimLayout() {
	if m.layouts.claim(m.cfg.Clock()) {
		m.SearchLayout()
	}
}

// SearchLayout searches for a newer layout, by which a member works.
func (m *Members) SearchLayout() {
	if m.ctx.Err() == nil && m.layouts.begin() {
		m.tasks.Go(m.search)
	}
}

// search asks peers for their layout, as long as there is a waiter for one.
func (m *Members) search() {
	for pause := minSearchPause; ; pause = min(2*pause, maxSearchPause) {
		for _, id := range m.peersUp(maxSearched) {
			m.exchangeWith(id)
		}
		if !m.pause(pause) || m.layouts.end(m.cfg.Clock()) {
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

// begin reports whether a search is to begin.
func (l *layouts) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.searching {
		return false
	}
	l.searching = true
	return true
}

// end forgets waiters whose time is over, and reports whether the search has
// ended because there is none left.
func (l *layouts) end(now time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(w layoutWaiter) bool { return w.until <= now })
	l.searching = len(l.waiting) > 0
	return !l.searching
}
