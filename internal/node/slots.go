package node

import (
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/share"
)

// maxReads bounds the requests of slow methods that are served at a time: each is
// a goroutine that may wait for a disk.
const maxReads = 128

// slots bound what runs at a time, divided among principals.
type slots struct {
	full   foci.Error  // the answer when all are taken
	exempt mutant.Name // the mutant that takes every slot as a member's

	mu   sync.Mutex
	pool *share.Pool // guarded by mu
}

// newSlots returns slots. The error when all are taken begins with msg and asks to
// try again after a while.
func newSlots(limit int64, msg string, again time.Duration, exempt mutant.Name) *slots {
	return &slots{
		full:   foci.Error{Kind: foci.Busy, Msg: msg, RetryAfter: again},
		exempt: exempt, pool: share.New(limit),
	}
}

func readSlots(limit int64) *slots {
	return newSlots(limit, "too many reads run here", 20*time.Millisecond, mutant.ReadShare)
}

// take takes a slot.
func (s *slots) take(who share.Who) (*share.Part, error) {
	if mutant.On(s.exempt) {
		who = share.Who{Member: true}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := s.pool.Join(who)
	defer s.pool.Leave(slot)
	if !s.pool.Take(slot, 1) {
		full := s.full
		full.Msg += ": " + s.pool.Why(slot, 1)
		return nil, &full
	}
	return slot, nil
}

// release gives a slot back.
func (s *slots) release(slot *share.Part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pool.Give(slot, 1)
}
