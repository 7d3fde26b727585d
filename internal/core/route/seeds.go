package route

import (
	"errors"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
)

// How long a seed rests between two dials.
const (
	minSeedPause  = 100 * time.Millisecond // after the first failure; doubled by each further one
	maxSeedPause  = 10 * time.Second
	seedLookEvery = 2 * time.Second // whether a seed that has answered is needed again
)

// Seeds decides when to dial the peers that a process contacts first. All are
// dialled at once, so that a dead one delays none of the others; a seed that
// fails is dialled again after a growing pause, and one that has answered only
// when no link is up any more. Seeds is a machine: not safe for concurrent use.
type Seeds struct {
	all      []seed
	answered bool // one of them has, ever
}

type seed struct {
	remote Remote
	spare  bool
	err    error         // of the last dial
	pause  time.Duration // after the next failure, about
}

// Add adds a seed and returns its number. A spare one is remembered from the
// last run: after the first dial it is dialled only while no link is up.
func (s *Seeds) Add(r Remote, spare bool) int {
	s.all = append(s.all, seed{remote: r, spare: spare, pause: minSeedPause})
	return len(s.all) - 1
}

// Dialled records the result of dialling a seed. It returns how long the seed
// rests; random yields a number below its argument.
func (s *Seeds) Dialled(n int, err error, random func(time.Duration) time.Duration) (pause time.Duration) {
	d := &s.all[n]
	d.err = err
	if err == nil {
		s.answered = true
		d.pause = minSeedPause
		return seedLookEvery
	}
	pause = d.pause/2 + random(d.pause)
	d.pause = min(2*d.pause, maxSeedPause)
	return pause
}

// Due reports whether a seed that has rested is to be dialled; alone says that no
// link is up. Otherwise the seed rests once more.
func (s *Seeds) Due(n int, alone bool) bool {
	d := &s.all[n]
	return alone || d.err != nil && !d.spare
}

// Hopeless is the error when every seed was dialled and none has ever answered;
// nil while there is hope.
func (s *Seeds) Hopeless() error {
	if s.answered || len(s.all) == 0 {
		return nil
	}
	errs := make([]error, len(s.all))
	denied, otherProtocol := 0, 0
	for i, d := range s.all {
		if d.err == nil {
			return nil
		}
		kind := foci.KindOf(d.err)
		errs[i] = foci.Errorf(kind, "%v: %w", d.remote, d.err)
		switch kind {
		case foci.Denied:
			denied++
		case foci.Protocol:
			otherProtocol++
		}
	}
	all := errors.Join(errs...)
	switch {
	case otherProtocol == len(s.all) && !mutant.On(mutant.ProtocolAsUnreachable): // each says which versions it speaks
		return &foci.Error{Kind: foci.Protocol, Msg: "no node speaks a protocol that this process speaks", Err: all}
	case denied > 0: // each says what to do
		return &foci.Error{Kind: foci.Denied, Msg: "every node refuses this process", Err: all}
	}
	return &foci.Error{Kind: foci.Unreachable, Msg: "no node is reachable", Err: all, Fix: "name other nodes with --remote"}
}
