//go:build invariants

package lockorder

import (
	"bytes"
	"runtime"
	"slices"
	"sync"

	"github.com/foci-store/foci/internal/core/invariant"
)

// Mutex is a mutex with a place in the order. The zero value is unlocked.
type Mutex[R Rank] struct{ mu sync.Mutex }

// Lock locks m. It panics when the goroutine holds a mutex whose place is not
// before that of m.
func (m *Mutex[R]) Lock() {
	var r R
	held.enter(r)
	m.mu.Lock()
}

// Unlock unlocks m.
func (m *Mutex[R]) Unlock() {
	var r R
	held.leave(r)
	m.mu.Unlock()
}

// held are the mutexes that each goroutine holds or waits for.
var held = holders{by: map[string][]Rank{}}

type holders struct {
	mu sync.Mutex
	by map[string][]Rank // by goroutine; guarded by mu
}

func (h *holders) enter(r Rank) {
	id := goroutine()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, outer := range h.by[id] {
		invariant.Check(outer.rank() < r.rank(), "%T is locked while %T is held", r, outer)
	}
	h.by[id] = append(h.by[id], r)
}

func (h *holders) leave(r Rank) {
	id := goroutine()
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.by[id]
	i := slices.Index(all, r)
	invariant.Check(i >= 0, "%T is unlocked by a goroutine that does not hold it", r)
	if all = slices.Delete(all, i, i+1); len(all) == 0 {
		delete(h.by, id)
		return
	}
	h.by[id] = all
}

// goroutine names the goroutine that calls it: the second word of its stack.
func goroutine() string {
	var buf [64]byte
	words := bytes.Fields(buf[:runtime.Stack(buf[:], false)])
	return string(words[1])
}
