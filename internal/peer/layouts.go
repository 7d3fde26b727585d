package peer

import (
	"context"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
)

// fetchLayout asks a peer for its layout and adopts it if it is newer.
func (j *join) fetchLayout(ctx context.Context, l *mesh.Link) error {
	r, err := l.Call(ctx, foci.State, wire.MethodLayout, nil, nil)
	if err != nil {
		return err
	}
	parsed, err := layout.Parse(r.Body)
	if err != nil {
		return err
	}
	return j.Adopt(parsed)
}

// Adopt makes a layout the one to work by if it is newer than the present one.
func (p *Peer) Adopt(v *layout.Layout) error {
	if v.Epoch <= p.cfg.Layout.Epoch() {
		return nil
	}
	if want := p.cfg.Mesh.Cluster; want != "" && v.Cluster != want {
		return foci.Errorf(foci.Denied, "a layout of cluster %q, this is %q", v.Cluster, want)
	}
	s, err := layout.NewSnapshot(v)
	if err != nil {
		return err
	}
	if p.cfg.Adopted != nil {
		if err := p.cfg.Adopted(s); err != nil {
			return err
		}
	}
	if p.cfg.Layout.Adopt(s) {
		p.log.Info("layout adopted", "epoch", s.Epoch)
		p.join.connectAll()
		p.join.replan()
		p.rerouted()
	}
	return nil
}

// needLayout lets an operation rest until a layout of at least epoch is there.
func (p *Peer) needLayout(epoch foci.Epoch, o *operation) {
	j := &p.join
	j.mu.Lock()
	j.waiting = append(j.waiting, layoutWaiter{epoch, o})
	start := !j.asking
	j.asking = true
	j.mu.Unlock()
	j.replan()
	if start {
		p.tasks.Go(j.askAround)
	}
}

// replan tells the operations that wait for it of the new layout.
func (j *join) replan() {
	l := j.cfg.Layout.Load()
	if l == nil {
		return
	}
	j.mu.Lock()
	var ready []*operation
	rest := j.waiting[:0]
	for _, w := range j.waiting {
		if w.epoch <= l.Epoch {
			ready = append(ready, w.op)
		} else {
			rest = append(rest, w)
		}
	}
	clear(j.waiting[len(rest):])
	j.waiting = rest
	j.mu.Unlock()
	for _, o := range ready {
		groups, _ := j.latency.order(l, o.Bucket, o.ID)
		o.event(func(m Machine, now time.Duration) quorum.Out {
			return m.Replan(now, quorum.Plan{Epoch: l.Epoch, Groups: groups})
		})
	}
}

// askAround asks peers for their layout as long as an operation waits for one.
func (j *join) askAround() {
	for pause := seekMin; ; pause = min(2*pause, seekMax) {
		for id, l := range *j.links.all.Load() {
			if l.Link == nil || !l.Up() {
				continue
			}
			if err := j.ask(id); err != nil {
				j.log.Debug("layout not fetched", "peer", id, "err", err)
			}
		}
		j.mu.Lock()
		// An operation that has ended by its deadline meanwhile does not count.
		now := j.Now()
		j.waiting = slices.DeleteFunc(j.waiting, func(w layoutWaiter) bool { return w.op.Deadline <= now })
		if len(j.waiting) == 0 || j.ctx.Err() != nil {
			j.asking = false
			j.mu.Unlock()
			return
		}
		j.mu.Unlock()
		select {
		case <-j.ctx.Done():
		case <-time.After(pause):
		}
	}
}

// settleIn is how long Ready waits for links to the rest of the nodes once one
// is up, so that the first operations reach them too.
const settleIn = time.Second

// Ready waits until this process can work: it has a layout, a link to some
// node, and the others were at least tried. It fails at once when every seed
// was tried and none could be reached.
func (p *Peer) Ready(ctx context.Context) error {
	j := &p.join
	var settled <-chan time.Time
	look := time.NewTicker(20 * time.Millisecond) // failures to dial are not told
	defer look.Stop()
	for {
		j.mu.Lock()
		changed, hopeless, err := j.changed, !j.reached && j.tried >= len(j.cfg.Seeds), j.seedErr
		j.mu.Unlock()
		up, tried := j.linked()
		switch {
		case up && tried:
			return nil
		case up && settled == nil:
			settled = time.After(settleIn)
		case hopeless && err != nil:
			return &foci.Error{Kind: foci.KindOf(err), Msg: "no node can be reached", Err: err, Fix: "is one running there? name others with --remote"}
		}
		select {
		case <-changed:
		case <-look.C:
		case <-settled:
			return nil
		case <-ctx.Done():
			return foci.Errorf(foci.Away, "no node told its layout in time: %w", context.Cause(ctx))
		}
	}
}

// linked reports whether a link is up, and whether all were at least tried.
func (j *join) linked() (up, tried bool) {
	l := j.cfg.Layout.Load()
	if l == nil {
		return false, false
	}
	tried = true
	for i := range l.Nodes {
		switch k := j.links.get(l.Nodes[i].ID); {
		case k == nil:
		case k.Up():
			up = true
		case k.Stats().Failures == 0:
			tried = false
		}
	}
	return up, tried
}

func (j *join) noLayout() error {
	return &foci.Error{Kind: foci.NotReady, Msg: "no layout is known yet", Fix: "foci init makes one; members give theirs to newcomers"}
}
