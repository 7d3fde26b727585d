package membership

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
)

const (
	watchAfter = 500 * time.Millisecond // a command that is over sooner watches nothing
	watchAgain = time.Second            // after a watch that failed
	watchSlack = 5 * time.Second        // for the answer, over what was asked for
)

// watch is how a transport client hears of changes: a question to one of the
// nodes that is answered when there is something to tell. So no node dials the
// client, and no other node knows of it.
func (m *Members) watch() {
	if !m.pause(watchAfter) {
		return
	}
	for {
		for _, id := range m.peersUp(1) {
			err := m.watchNode(id)
			if m.ctx.Err() != nil {
				return
			}
			m.log.Debug("watch failed", "peer", id, "err", err)
		}
		if !m.pause(watchAgain/2 + rand.N(watchAgain)) {
			return
		}
	}
}

// watchNode watches a node until that fails.
func (m *Members) watchNode(id foci.NodeID) error {
	l := m.mesh.Peer(id)
	if l == nil {
		return foci.Errorf(foci.NoRoute, "no channel to the node") // it has left since it was chosen
	}
	q := wire.Watch{Epoch: m.epoch(), Sums: m.view.digest()}
	for {
		q.Wait = (wire.MaxWatch*2/3 + rand.N(wire.MaxWatch/3)).Round(time.Millisecond)
		ctx, cancel := context.WithTimeout(m.ctx, q.Wait+watchSlack)
		r, err := l.Call(ctx, foci.State, wire.MethodWatch, q.Append(nil), nil)
		cancel()
		if err != nil {
			var e *foci.Error
			if errors.As(err, &e) && e.RetryAfter > 0 {
				m.pause(e.RetryAfter)
			}
			return err
		}
		var a wire.Watched
		if err := codec.Unmarshal(r.Head, &a); err != nil {
			return err
		}
		m.cfg.Renewal.Observe(a.Authorities)
		peer := l.Peer()
		m.learn(&peer, a.Routes)
		for _, up := range a.Up {
			m.retry(up)
		}
		if err := m.fetchLayout(l, a.Epoch); err != nil {
			return err
		}
		// Echo the node's digest; ours may be ahead of it.
		q = wire.Watch{Epoch: a.Epoch, Sums: a.Sums, Ups: a.Ups, Authorities: a.Authorities}
	}
}
