package peer

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
	seekMin   = 100 * time.Millisecond
	seekMax   = 10 * time.Second      // between attempts to reach a seed
	lookAgain = 2 * time.Second       // whether we are alone and have to seek again
	abreast   = 30 * time.Millisecond // between dials to the places of one name
)

// seed is a peer to contact first, and why the last attempt failed.
type seed struct {
	remote route.Remote
	// spare: one that is remembered from the last run. It is not sought once
	// anybody has been reached.
	spare bool

	tried bool // guarded by join.mu, like err
	err   error
}

// seekAll contacts all seeds at the same time, so that a dead one delays nobody.
func (j *join) seekAll() {
	for _, r := range j.cfg.Seeds {
		j.seeds = append(j.seeds, &seed{remote: r})
	}
	for _, r := range j.cfg.Remembered {
		j.seeds = append(j.seeds, &seed{remote: r, spare: true})
	}
	for _, s := range j.seeds {
		j.tasks.Go(func() { j.seek(s) })
	}
}

// seek contacts a seed until it has answered. From then on the link to the node
// that it is keeps itself up; the seed is sought again, its name looked up anew,
// when no link is up any more.
func (j *join) seek(s *seed) {
	wait := seekMin
	for {
		err := j.try(s)
		if j.ctx.Err() != nil {
			return
		}
		pause := lookAgain
		switch {
		case isSelf(err):
			j.log.Debug("a seed is this node itself", "seed", s.remote)
			return
		case err != nil:
			pause = wait/2 + rand.N(wait)
			j.log.Info("seed cannot be reached", "seed", s.remote, "err", err, "again", pause)
			wait = min(2*wait, seekMax)
		default:
			wait = seekMin
		}
		for enough := true; enough; enough = (err == nil || s.spare) && !j.alone() {
			if !j.pause(pause) {
				return
			}
		}
	}
}

// pause waits; false when this process ends.
func (j *join) pause(d time.Duration) bool {
	select {
	case <-j.ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// try dials all places of a seed, nearly at the same time: several of a name may
// be several nodes, or one of which some do not work.
func (j *join) try(s *seed) error {
	found, err := names.Resolve(j.ctx, s.remote)
	if err == nil {
		err = j.dialAny(found)
	}
	j.mu.Lock()
	s.tried, s.err = true, err
	j.reached = j.reached || err == nil
	j.mu.Unlock()
	j.learnt()
	return err
}

// dialAny dials places and reports the errors when none of them answered; that
// one is this process itself only when no other error says more.
func (j *join) dialAny(found []names.Place) error {
	ctx, cancel := context.WithTimeout(j.ctx, seekMax)
	defer cancel()
	errs := make([]error, len(found))
	var dials sync.WaitGroup
	for i, p := range found {
		if i > 0 && !j.pause(abreast) {
			break
		}
		dials.Go(func() { errs[i] = j.dial(ctx, p) })
	}
	dials.Wait()
	var self error
	rest := errs[:0:0]
	for _, err := range errs {
		switch {
		case err == nil:
			return nil
		case isSelf(err):
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

// dial makes a link to whoever is at a place.
func (j *join) dial(ctx context.Context, p names.Place) error {
	l, err := j.mesh.Dial(ctx, mesh.Addr{HostPort: p.HostPort, Network: p.Family.Network()}, true)
	if err != nil {
		return err
	}
	j.links.add(l)
	j.met(l.Peer())
	return nil
}

// isSelf reports whether a connection failed because it led to this process.
func isSelf(err error) bool {
	return errors.Is(err, mesh.ErrSelf)
}

// alone reports whether no link is up.
func (j *join) alone() bool {
	for _, l := range *j.links.all.Load() {
		if l.Link != nil && l.Up() {
			return false
		}
	}
	return true
}
