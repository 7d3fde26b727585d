package membership

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

const (
	watchAfter = 500 * time.Millisecond // a command that ends sooner watches nothing
	watchAgain = time.Second            // after a watch that failed
	watchSlack = 5 * time.Second        // for the answer, over what was asked for
)

// watch is how a transport client learns changes: a request to one node, which the node
// answers when something changes (a long poll). So no node dials the client, and no
// other node knows the client.
type watch struct {
	*env
	learn func(from *mesh.Identity, entries []wire.Route)
	fetch func(*mesh.Link, foci.Epoch) error // a node's layout, when it is newer than ours
	retry func(foci.NodeID)                  // dials a node that is reachable again
}

// run watches one node after the other until the process ends.
func (w *watch) run() {
	if !w.pause(watchAfter) {
		return
	}
	for {
		for _, id := range w.peersUp(1) {
			err := w.node(id)
			if w.ctx.Err() != nil {
				return
			}
			w.log.Debug("watch failed", "peer", id, "err", err)
		}
		if !w.pause(watchAgain/2 + rand.N(watchAgain)) {
			return
		}
	}
}

// node watches a node until that fails.
func (w *watch) node(id foci.NodeID) error {
	l := w.mesh.Peer(id)
	if l == nil {
		return foci.Errorf(foci.NoRoute, "no channel to the node") // it has left since it was chosen
	}
	q := wire.Watch{Epoch: w.epoch(), Sums: w.view.digest()}
	for {
		q.Wait = (wire.MaxWatch*2/3 + rand.N(wire.MaxWatch/3)).Round(time.Millisecond)
		ctx, cancel := context.WithTimeout(w.ctx, q.Wait+watchSlack)
		r, err := l.Call(ctx, foci.State, wire.MethodWatch, q.Append(nil), nil)
		cancel()
		if err != nil {
			var e *foci.Error
			if errors.As(err, &e) && e.RetryAfter > 0 {
				w.pause(e.RetryAfter)
			}
			return err
		}
		var a wire.Watched
		if err := codec.Unmarshal(r.Head, &a); err != nil {
			return err
		}
		w.cfg.Renewal.Observe(a.Authorities)
		peer := l.Peer()
		w.learn(&peer, a.Routes)
		for _, up := range a.Up {
			w.retry(up)
		}
		if err := w.fetch(l, a.Epoch); err != nil {
			return err
		}
		// Echo the node's digest; ours may be ahead of it.
		q = wire.Watch{Epoch: a.Epoch, Sums: a.Sums, Ups: a.Ups, Authorities: a.Authorities}
	}
}
