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
func (m *Members) dialSeeds() {
	dial := func(remotes []route.Remote, spare bool) {
		for _, r := range remotes {
			n := m.view.addSeed(r, spare)
			m.tasks.Go(func() { m.dialSeed(n, r) })
		}
	}
	dial(m.cfg.Seeds, false)
	dial(m.cfg.Remembered, true)
}

// dialSeed dials a seed whenever it is due. Once it has answered, the link to the
// node that it is keeps itself up; the seed is dialled again, its name looked up
// anew, when no link is up any more.
func (m *Members) dialSeed(n int, r route.Remote) {
	for {
		err := m.dialRemote(r)
		pause := m.view.seedDialled(n, err)
		m.view.notify()
		switch {
		case m.ctx.Err() != nil:
			return
		case errors.Is(err, mesh.ErrSelf):
			m.log.Debug("a seed is this node itself", "seed", r)
			return
		case err != nil:
			m.log.Info("seed cannot be reached", "seed", r, "err", err, "again", pause)
		}
		for due := false; !due; due = m.view.seedDue(n, m.Alone()) {
			if !m.pause(pause) {
				return
			}
		}
	}
}

// dialRemote dials all places of a remote.
func (m *Members) dialRemote(r route.Remote) error {
	found, err := names.Resolve(m.ctx, r)
	if err != nil {
		return err
	}
	return m.dialAny(found)
}

// dialAny dials places nearly at the same time: several of a name may be several
// nodes, or one of which some do not work. It reports the errors when none of
// them has answered; that one is this process itself only when no other error
// says more.
func (m *Members) dialAny(found []route.Address) error {
	ctx, cancel := context.WithTimeout(m.ctx, dialTimeout)
	defer cancel()
	errs := make([]error, len(found))
	var dials sync.WaitGroup
	for i, p := range found {
		if i > 0 && !m.pause(dialStagger) {
			break
		}
		dials.Go(func() { errs[i] = m.dialPlace(ctx, p) })
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
func (m *Members) dialPlace(ctx context.Context, at route.Address) error {
	l, err := m.mesh.Dial(ctx, at, true)
	if err != nil {
		return err
	}
	m.cfg.Links.Add(l)
	m.observe(l.Peer())
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
