package peer

import (
	"bytes"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

const (
	maxWatchers = 8192                   // that wait here; an eighth of one principal, a quarter is kept for members
	answerEvery = 200 * time.Millisecond // the shortest time between two rounds of answers
	maxUps      = 64                     // links that came up and that watchers are told of by name
)

// watchers are the transport clients that wait to be told of changes: requests
// that are not answered yet. They cost memory and no goroutine, and no other
// node hears of them.
type watchers struct {
	peer *Peer
	kick chan struct{}

	mu      sync.Mutex
	slots   *share.Pool // of those that wait, divided among principals
	waiting map[*watcher]struct{}
	ups     uint64              // links that came up
	up      [maxUps]foci.NodeID // the last ones, by number
	closed  bool
}

type watcher struct {
	in    *mesh.Incoming
	asked wire.Watch
	until time.Time
	slot  *share.Part
}

func (w *watchers) init(p *Peer) {
	w.peer, w.kick, w.slots, w.waiting = p, make(chan struct{}, 1), share.New(maxWatchers), map[*watcher]struct{}{}
}

// add takes a watch: it is answered at once when there is news, else when there
// will be, or in time.
func (w *watchers) add(in *mesh.Incoming, q *wire.Watch) {
	if !w.peer.mayAsk(in) {
		return
	}
	n := &watcher{in: in, asked: *q, until: time.Now().Add(q.Wait)}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		in.Fail(foci.Errorf(foci.Closed, "this node is shutting down"))
	case w.news(&n.asked):
		w.answer(n)
	default:
		w.wait(n)
	}
}

// wait keeps a watch until there is news, if its principal has a slot left; mu is
// held.
func (w *watchers) wait(n *watcher) {
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

// end takes a watch out that waited; mu is held.
func (w *watchers) end(n *watcher) {
	delete(w.waiting, n)
	w.slots.Give(n.slot, 1)
}

// news reports whether there is something to tell; mu is held.
func (w *watchers) news(q *wire.Watch) bool {
	if w.ups != q.Ups || w.peer.cfg.Layout.Epoch() != q.Epoch {
		return true
	}
	if len(q.Authorities) > 0 && !bytes.Equal(q.Authorities, w.peer.renewal.Authorities()) {
		return true
	}
	j := &w.peer.join
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.routes.Differs(q.Sums)
}

// answer ends a watch; mu is held.
func (w *watchers) answer(n *watcher) {
	a := wire.Watched{Epoch: w.peer.cfg.Layout.Epoch(), Ups: w.ups, Up: w.since(n.asked.Ups), Authorities: w.peer.renewal.Authorities()}
	j := &w.peer.join
	j.mu.Lock()
	a.Sums = j.routes.Digest()
	if j.routes.Differs(n.asked.Sums) {
		a.Routes = j.routes.Since(n.asked.Sums)
	}
	j.mu.Unlock()
	w.peer.said.watched.Add(1)
	w.peer.answer(n.in, &a)
}

// since are the peers whose links came up after a number of them; those that
// can still be named. mu is held.
func (w *watchers) since(ups uint64) []foci.NodeID {
	if ups == 0 || ups > w.ups { // new here, or told by an earlier run of this node
		return nil
	}
	var out []foci.NodeID
	for n := max(ups, w.ups-min(w.ups, maxUps)); n < w.ups; n++ {
		out = append(out, w.up[n%maxUps])
	}
	return out
}

// came notes a link that came up.
func (w *watchers) came(id foci.NodeID) {
	w.mu.Lock()
	w.up[w.ups%maxUps] = id
	w.ups++
	w.mu.Unlock()
	w.changed()
}

// changed has those answered for whom there is news.
func (w *watchers) changed() {
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
		case <-w.peer.ctx.Done():
			return
		case <-w.kick:
			w.look(true, time.Now())
			if !w.peer.join.pause(answerEvery) {
				return
			}
		case now := <-tick.C:
			trusted := w.peer.renewal.Authorities()
			w.look(!bytes.Equal(trusted, told), now)
			told = trusted
		}
	}
}

// look answers those whose time has come or who are gone and, when something has
// changed, those for whom it is news.
func (w *watchers) look(changed bool, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for n := range w.waiting {
		if n.in.Canceled() || now.After(n.until) || changed && w.news(&n.asked) {
			w.end(n)
			w.answer(n)
		}
	}
}

// close ends all watches, so that nobody waits for them when the node stops.
func (w *watchers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for n := range w.waiting {
		w.end(n)
		n.in.Fail(foci.Errorf(foci.Closed, "this node is shutting down"))
	}
}

// Watchers is how many clients wait here to be told of changes.
func (p *Peer) Watchers() int {
	p.watchers.mu.Lock()
	defer p.watchers.mu.Unlock()
	return len(p.watchers.waiting)
}
