package peer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
)

// newerLayout fetches a peer's layout when it is newer than ours. Of several who
// tell of a newer one only one at a time is asked: the next one has mostly
// nothing new then.
func (j *join) newerLayout(l *mesh.Link, epoch foci.Epoch) error {
	if epoch <= j.cfg.Layout.Epoch() {
		return nil
	}
	j.fetching.Lock()
	defer j.fetching.Unlock()
	if epoch <= j.cfg.Layout.Epoch() {
		return nil
	}
	ctx, cancel := context.WithTimeout(j.ctx, layoutTimeout)
	defer cancel()
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
	p.adopting.Lock() // an older one must not be put on the disk after a newer one
	defer p.adopting.Unlock()
	if v.Epoch <= p.cfg.Layout.Epoch() {
		return nil
	}
	if want := p.mesh.Cluster(); want != "" && v.Cluster != want {
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
		p.join.tellWaiters()
		p.rerouted()
	}
	return nil
}

// layoutWaiter waits for a layout of at least epoch. tell is called once, or
// never when the time comes first.
type layoutWaiter struct {
	epoch foci.Epoch
	until time.Duration
	tell  func(*layout.Snapshot)
}

// needLayout lets somebody wait for a newer layout, and has it fetched.
func (p *Peer) needLayout(w layoutWaiter) {
	j := &p.join
	j.mu.Lock()
	j.waiting = append(j.waiting, w)
	j.mu.Unlock()
	j.tellWaiters()
	p.Newer()
}

// claimEvery is the shortest time between two rounds of questions that requests
// cause by naming a newer epoch.
const claimEvery = 5 * time.Second

// Claimed says that a request names a newer layout. Whoever sends requests can
// name any, so they cause one round of questions in [claimEvery], and no more; the
// comparisons with other members find a newer layout too.
func (p *Peer) Claimed() {
	now, last := int64(p.now()), p.claimed.Load()
	if last != 0 && now-last < int64(claimEvery) && !mutant.On(mutant.RequestEpochs) {
		return
	}
	if p.claimed.CompareAndSwap(last, max(now, 1)) {
		p.Newer()
	}
}

// Newer says that a member works by a newer layout; it is fetched.
func (p *Peer) Newer() {
	j := &p.join
	j.mu.Lock()
	start := !j.asking && j.ctx.Err() == nil
	j.asking = j.asking || start
	j.mu.Unlock()
	if start {
		p.tasks.Go(j.askAround)
	}
}

// AwaitLayout waits for a layout of at least an epoch, until a deadline on the
// clock of Now. It fails with StaleLayout when none has come.
func (p *Peer) AwaitLayout(ctx context.Context, epoch foci.Epoch, deadline time.Duration) error {
	come := make(chan struct{})
	p.needLayout(layoutWaiter{epoch: epoch, until: deadline, tell: func(*layout.Snapshot) { close(come) }})
	late := time.NewTimer(max(deadline-p.Now(), 0))
	defer late.Stop()
	select {
	case <-come:
		return nil
	case <-ctx.Done():
		return foci.Errorf(foci.Canceled, "waiting for the layout of epoch %d was given up: %w", epoch, context.Cause(ctx))
	case <-late.C:
	case <-p.ctx.Done():
	}
	return foci.Errorf(foci.StaleLayout, "no node gave the layout of epoch %d", epoch)
}

// StaleEpoch is the epoch of whoever refused a question because it was of an
// older layout; 0 when err says something else.
func StaleEpoch(err error) foci.Epoch {
	var said *mesh.PeerError
	if errors.As(err, &said) && foci.KindOf(err) == foci.StaleLayout {
		return said.Epoch
	}
	return 0
}

// tellWaiters tells those who wait for it of the new layout.
func (j *join) tellWaiters() {
	l := j.cfg.Layout.Load()
	if l == nil {
		return
	}
	j.mu.Lock()
	var ready []layoutWaiter
	j.waiting = slices.DeleteFunc(j.waiting, func(w layoutWaiter) bool {
		if w.epoch > l.Epoch {
			return false
		}
		ready = append(ready, w)
		return true
	})
	j.mu.Unlock()
	for _, w := range ready {
		w.tell(l)
	}
}

// maxAround is how many random peers are asked at a time for a newer layout.
const maxAround = 32

// askAround asks peers for their layout as long as somebody waits for one.
func (j *join) askAround() {
	for pause := seekMin; ; pause = min(2*pause, seekMax) {
		for _, id := range j.upPeers(maxAround) {
			j.meet(id)
		}
		j.pause(pause)
		j.mu.Lock()
		now := j.Now()
		j.waiting = slices.DeleteFunc(j.waiting, func(w layoutWaiter) bool { return w.until <= now })
		if len(j.waiting) == 0 || j.ctx.Err() != nil {
			j.asking = false
			j.mu.Unlock()
			return
		}
		j.mu.Unlock()
	}
}

// layoutTimeout is how long a peer may take to give its layout.
const layoutTimeout = 2 * time.Second

// settleIn is how long Ready waits for links to the rest of the nodes once one
// is up, so that the first operations reach them too.
const settleIn = time.Second

// Ready waits until this process can work: it has a layout, a link to some
// node, and the others were at least tried. It fails at once when every seed
// was tried and none could be reached, and when no node is in our tables.
func (p *Peer) Ready(ctx context.Context) error {
	j := &p.join
	var settled <-chan time.Time
	look := time.NewTicker(20 * time.Millisecond) // failures to dial are not told
	defer look.Stop()
	for {
		j.mu.Lock()
		changed := j.changed
		err := j.hopeless()
		j.mu.Unlock()
		up, tried := j.linked()
		switch {
		case up && tried:
			return j.inTables()
		case up && settled == nil:
			settled = time.After(settleIn)
		case err != nil:
			return err
		}
		select {
		case <-changed:
		case <-look.C:
		case <-settled:
			return j.inTables()
		case <-ctx.Done():
			return foci.Errorf(foci.Unreachable, "no node told its layout in time: %w", context.Cause(ctx))
		}
	}
}

// hopeless is the error when every seed was tried and none has answered; nil
// while there is hope. j.mu is held.
func (j *join) hopeless() error {
	if j.reached || len(j.seeds) == 0 {
		return nil
	}
	errs := make([]error, len(j.seeds))
	kind, strangers := foci.Unreachable, 0
	for i, s := range j.seeds {
		if s.err == nil {
			return nil
		}
		errs[i] = foci.Errorf(foci.KindOf(s.err), "%v: %w", s.remote, s.err)
		switch foci.KindOf(s.err) {
		case foci.Denied:
			kind = foci.Denied
		case foci.Protocol:
			strangers++
		}
	}
	if strangers == len(j.seeds) && !mutant.On(mutant.ProtocolAsAway) { // each says which versions it speaks
		return &foci.Error{Kind: foci.Protocol, Msg: "no node speaks a protocol that this process speaks", Err: errors.Join(errs...)}
	}
	if kind == foci.Denied { // each says what to do
		return &foci.Error{Kind: kind, Msg: "no node lets us in", Err: errors.Join(errs...)}
	}
	return &foci.Error{Kind: kind, Msg: "no node can be reached", Err: errors.Join(errs...), Fix: "--remote names other nodes to ask"}
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

// inTables reports NoRoute when no other node has an address in our tables. The
// node that told the layout was reached by a seed's address, whatever its table.
func (j *join) inTables() error {
	l := j.cfg.Layout.Load()
	others := 0
	for i := range l.Nodes {
		n := &l.Nodes[i]
		if n.ID == j.cfg.Mesh.Node {
			continue
		}
		if len(j.reach(n)) > 0 {
			return nil
		}
		others++
	}
	if others == 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return &foci.Error{Kind: foci.NoRoute, Msg: fmt.Sprintf("no node has an address in our tables %v", j.tables), Fix: "foci route shows which tables there are; name them with --tables"}
}

func (j *join) noLayout() error {
	return &foci.Error{Kind: foci.NotReady, Msg: "no layout is known yet", Fix: "foci init makes one; members give theirs to newcomers"}
}
