package membership

import (
	"bytes"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/lockorder"
)

const (
	maxWatchers = 8192                   // that wait here; an eighth of one principal, a quarter is kept for members
	answerEvery = 200 * time.Millisecond // the shortest time between two rounds of answers
)

// watchers holds the pending watches of transport clients. They cost memory but no
// goroutine, and other nodes do not know them.
type watchers struct {
	*env
	quota *quota
	kick  chan struct{} // holds a token while something has changed

	mu lockorder.Mutex[lockorder.Watches]

	// Guarded by mu.
	slots   *share.Pool // of those that wait, divided among principals
	waiting map[*watcher]struct{}
	ups     route.UpLog
	closed  bool
}

type watcher struct {
	in    *mesh.Incoming
	query wire.Watch
	until time.Time
	slot  *share.Part
}

func (w *watchers) init(e *env, q *quota) {
	w.env, w.quota, w.kick = e, q, make(chan struct{}, 1)
	w.slots, w.waiting = share.New(maxWatchers), map[*watcher]struct{}{}
}

// serve serves a watch: it is answered at once if there is news, else when news arrives
// or its time is over.
func (w *watchers) serve(in *mesh.Incoming, q *wire.Watch) {
	if !w.quota.admit(in) {
		return
	}
	n := &watcher{in: in, query: *q, until: time.Now().Add(q.Wait)}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		in.Fail(foci.Errorf(foci.Closed, "this node is shutting down"))
	case w.news(&n.query):
		w.answer(n)
	default:
		w.park(n)
	}
}

// park keeps a watch until there is news, if its principal has a slot left; mu is
// held.
func (w *watchers) park(n *watcher) {
	who := n.in.From.Who()
	if mutant.On(mutant.WatchShare) {
		who = share.Who{Member: true}
	}
	n.slot = w.slots.Join(who)
	defer w.slots.Leave(n.slot)
	if !w.slots.Take(n.slot, 1) {
		n.in.Fail(&foci.Error{
			Kind: foci.Busy, Msg: "too many clients watch here: " + w.slots.Why(n.slot, 1), RetryAfter: 10 * time.Second,
			Fix: "watch another node, or fewer at a time",
		})
		return
	}
	w.waiting[n] = struct{}{}
}

// unpark takes out a watch that waited; mu is held.
func (w *watchers) unpark(n *watcher) {
	delete(w.waiting, n)
	w.slots.Give(n.slot, 1)
}

// news reports whether there is something to tell; mu is held.
func (w *watchers) news(q *wire.Watch) bool {
	if w.ups.Count() != q.Ups || w.epoch() != q.Epoch {
		return true
	}
	if len(q.Authorities) > 0 && !bytes.Equal(q.Authorities, w.cfg.Renewal.Authorities()) {
		return true
	}
	return w.view.differs(q.Sums)
}

// answer ends a watch; mu is held.
func (w *watchers) answer(n *watcher) {
	a := wire.Watched{
		Epoch: w.epoch(), Ups: w.ups.Count(), Up: w.ups.Since(n.query.Ups), Authorities: w.cfg.Renewal.Authorities(),
	}
	a.Sums, a.Routes = w.view.since(n.query.Sums)
	w.counters.watched.Add(1)
	w.quota.reply(n.in, &a)
}

// linkUp records that a link came up.
func (w *watchers) linkUp(id foci.NodeID) {
	w.mu.Lock()
	w.ups.Add(id)
	w.mu.Unlock()
	w.wake()
}

// wake makes run answer the watches for which there is news.
func (w *watchers) wake() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// run answers until the process ends.
func (w *watchers) run() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var told []byte // the authorities of which watchers were told
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-w.kick:
			w.look(true, time.Now())
			if !w.pause(answerEvery) {
				return
			}
		case now := <-tick.C:
			trusted := w.cfg.Renewal.Authorities()
			w.look(!bytes.Equal(trusted, told), now)
			told = trusted
		}
	}
}

// look answers watches whose time is over or whose clients are gone and, when
// something has changed, those for which it is news.
func (w *watchers) look(changed bool, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for n := range w.waiting {
		if n.in.Canceled() || now.After(n.until) || changed && w.news(&n.query) {
			w.unpark(n)
			w.answer(n)
		}
	}
}

// close ends all watches, so that a node which stops waits for none of them.
func (w *watchers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for n := range w.waiting {
		w.unpark(n)
		n.in.Fail(foci.Errorf(foci.Closed, "this node is shutting down"))
	}
}

// Watchers is how many clients wait here to be told of changes.
func (w *watchers) Watchers() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting)
}

func (v *view) differs(sums []uint64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.routes.Differs(sums)
}

// since is our digest, and the routes by which it differs from another.
func (v *view) since(sums []uint64) (ours []uint64, routes []wire.Route) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.routes.Differs(sums) {
		routes = v.routes.Since(sums)
	}
	return v.routes.Digest(), routes
}
