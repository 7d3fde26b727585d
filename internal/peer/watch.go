package peer

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
	watchAfter = 500 * time.Millisecond // a command that is over sooner watches nothing
	watchAgain = time.Second            // after a watch that failed
	watchSlack = 5 * time.Second        // for the answer, over what was asked for
)

// watch is how a transport client hears of changes: a question to one of the
// nodes that is answered when there is something to say. So nobody dials the
// client, and nobody but that node knows of it.
func (j *join) watch() {
	if !j.pause(watchAfter) {
		return
	}
	for {
		if up := j.upPeers(1); len(up) > 0 {
			err := j.watchOne(j.links.get(up[0]))
			if j.ctx.Err() != nil {
				return
			}
			j.log.Debug("watch failed", "peer", up[0], "err", err)
		}
		if !j.pause(watchAgain/2 + rand.N(watchAgain)) {
			return
		}
	}
}

// watchOne watches a node until that fails.
func (j *join) watchOne(l *mesh.Link) error {
	if l == nil {
		return errNoLink // it has left since it was chosen
	}
	j.mu.Lock()
	q := wire.Watch{Epoch: j.cfg.Layout.Epoch(), Sums: j.routes.Digest()}
	j.mu.Unlock()
	for {
		q.Wait = (wire.MaxWatch*2/3 + rand.N(wire.MaxWatch/3)).Round(time.Millisecond)
		ctx, cancel := context.WithTimeout(j.ctx, q.Wait+watchSlack)
		r, err := l.Call(ctx, foci.State, wire.MethodWatch, q.Append(nil), nil)
		cancel()
		if err != nil {
			var e *foci.Error
			if errors.As(err, &e) && e.RetryAfter > 0 {
				j.pause(e.RetryAfter)
			}
			return err
		}
		var a wire.Watched
		if err := codec.Unmarshal(r.Head, &a); err != nil {
			return err
		}
		j.renewal.Observe(a.Authorities)
		who := l.Peer()
		j.learn(&who, a.Routes)
		for _, id := range a.Up {
			j.retry(id)
		}
		if err := j.newerLayout(l, a.Epoch); err != nil {
			return err
		}
		// What it said is repeated, not what we know: that may be more.
		q = wire.Watch{Epoch: a.Epoch, Sums: a.Sums, Ups: a.Ups, Authorities: a.Authorities}
	}
}
