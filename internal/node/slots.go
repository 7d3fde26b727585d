package node

import (
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/share"
)

// maxReads bounds the fetches, listings, hints and questions about the system
// that run at a time: each is a goroutine that may wait for a disk.
const maxReads = 128

// reads are the slots of these, divided among principals.
type reads struct {
	mu    sync.Mutex
	slots *share.Pool
}

// enter takes a slot.
func (r *reads) enter(who share.Who) (*share.Part, error) {
	if mutant.On(mutant.ReadShare) {
		who = share.Who{Member: true}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	slot := r.slots.Join(who)
	defer r.slots.Leave(slot)
	if !r.slots.Take(slot, 1) {
		return nil, &foci.Error{Kind: foci.Busy, Msg: "too many reads run here: " + r.slots.Why(slot, 1), RetryAfter: 20 * time.Millisecond}
	}
	return slot, nil
}

// leave gives a slot back.
func (r *reads) leave(slot *share.Part) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slots.Give(slot, 1)
}
