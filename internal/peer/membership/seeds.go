package membership

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/device/names"
)

const (
	dialTimeout = 10 * time.Second      // for all places of one name
	dialStagger = 30 * time.Millisecond // between dials to the places of one name
)

// dialSeeds dials all seeds at the same time.
func (d *dialer) dialSeeds() {
	begin := func(remotes []route.Remote, spare bool) {
		for _, r := range remotes {
			n := d.view.addSeed(r, spare)
			d.tasks.Go(func() { d.dialSeed(n, r) })
		}
	}
	begin(d.cfg.Seeds, false)
	begin(d.cfg.Remembered, true)
}

// dialSeed dials a seed whenever it is due. Once it has answered, the link to the
// node that it is keeps itself up; the seed is dialled again, its name looked up
// anew, when no link is up any more.
func (d *dialer) dialSeed(n int, r route.Remote) {
	for {
		err := d.dialRemote(r)
		pause := d.view.seedDialled(n, err)
		d.view.notify()
		switch {
		case d.ctx.Err() != nil:
			return
		case errors.Is(err, mesh.ErrSelf):
			d.log.Debug("a seed is this node itself", "seed", r)
			return
		case err != nil:
			d.log.Info("seed cannot be reached", "seed", r, "err", err, "again", pause)
		}
		for due := false; !due; due = d.view.seedDue(n, d.Alone()) {
			if !d.pause(pause) {
				return
			}
		}
	}
}

// dialRemote dials all places of a remote.
func (d *dialer) dialRemote(r route.Remote) error {
	found, err := names.Resolve(d.ctx, r)
	if err != nil {
		return err
	}
	return d.dialAny(found)
}

// dialAny dials places nearly at the same time: several of a name may be several
// nodes, or one of which some do not work. It reports the errors when none of
// them has answered; that one is this process itself only when no other error
// says more.
func (d *dialer) dialAny(found []route.Address) error {
	ctx, cancel := context.WithTimeout(d.ctx, dialTimeout)
	defer cancel()
	errs := make([]error, len(found))
	var dials sync.WaitGroup
	for i, p := range found {
		if i > 0 && !d.pause(dialStagger) {
			break
		}
		dials.Go(func() { errs[i] = d.dialPlace(ctx, p) })
	}
	dials.Wait()
	var self error
	rest := errs[:0:0]
	for _, err := range errs {
		switch {
		case err == nil:
			return nil
		case errors.Is(err, mesh.ErrSelf):
			self = err
		default:
			rest = append(rest, err)
		}
	}
	if len(rest) > 0 {
		return errors.Join(rest...)
	}
	return self
}

// dialPlace makes a link to the node at a place, whichever it is.
func (d *dialer) dialPlace(ctx context.Context, at route.Address) error {
	l, err := d.mesh.Dial(ctx, at, true)
	if err != nil {
		return err
	}
	d.cfg.Links.Add(l)
	d.observe(l.Peer())
	return nil
}

func (v *view) addSeed(r route.Remote, spare bool) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.seeds.Add(r, spare)
}

func (v *view) seedDialled(n int, err error) (pause time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.seeds.Dialled(n, err, rand.N)
}

func (v *view) seedDue(n int, alone bool) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.seeds.Due(n, alone)
}

// hopeless is the error when every seed was dialled and none has answered.
func (v *view) hopeless() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.seeds.Hopeless()
}
