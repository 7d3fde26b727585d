package store

import (
	"sync"

	"github.com/foci-store/foci"
)

// sightings remembers what queries have just seen. A put asks for a vote right
// before it stores, so its record's object need not be searched for again.
// Whoever takes a sighting must check that its batch is still remembered.
type sightings struct{ slots [1024]sightingSlot }

type sightingSlot struct {
	mu sync.Mutex
	id foci.ID
	s  sighting
}

func (t *sightings) slot(id *foci.ID) *sightingSlot {
	return &t.slots[id.Prefix()%uint64(len(t.slots))]
}

// note keeps a sighting in place of whatever was in its slot.
func (t *sightings) note(id *foci.ID, s sighting) {
	k := t.slot(id)
	k.mu.Lock()
	k.id, k.s = *id, s
	k.mu.Unlock()
}

// recall is the sighting of an object that is not older than a batch.
func (t *sightings) recall(id *foci.ID, batch uint64) (s sighting, ok bool) {
	k := t.slot(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.s, k.s.known && k.id == *id && k.s.batch >= batch
}
