// Package memory gives memory back to the system after a load.
//
// A burst of large requests leaves garbage on the heap. The Go runtime collects it
// when the heap has doubled, which a node without load may not reach for minutes,
// and keeps freed pages for the next burst. So a node that has become quiet
// collects once and gives the pages back. The package has no goroutines and no
// locks of its own.
package memory

import (
	"context"
	"log/slog"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/foci-store/foci/internal/core/mutant"
)

const (
	betweenLooks       = 5 * time.Second
	betweenCollections = 20 * time.Second
)

// sample is the state of the heap, in bytes.
type sample struct {
	allocated uint64 // by the process, since it began
	held      uint64 // of the system's memory, used or free
}

// trigger decides when to collect.
type trigger struct {
	last  sample
	quiet int       // looks in a row without load
	after uint64    // what was held after the last collection
	rest  time.Time // no collection before
}

// due reports whether to collect now: nothing much has been allocated for two
// looks, and a good deal more is held than after the last collection.
func (m *trigger) due(now time.Time, s sample) bool {
	grown := s.allocated - m.last.allocated
	m.last = s
	if grown > max(4<<20, s.held/16) {
		m.quiet = 0
		return false
	}
	m.quiet++
	return m.quiet >= 2 && s.held > m.after+m.after/4+8<<20 && !now.Before(m.rest) && !mutant.On(mutant.MemoryKept)
}

// collected records what is held after a collection.
func (m *trigger) collected(now time.Time, held uint64) {
	m.after, m.rest = held, now.Add(betweenCollections)
}

func read() sample {
	s := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(s)
	return sample{
		allocated: s[0].Value.Uint64(),
		held:      s[1].Value.Uint64() + s[2].Value.Uint64() + s[3].Value.Uint64(),
	}
}

// Trim gives memory back to the system after each load, until ctx ends.
func Trim(ctx context.Context, log *slog.Logger) {
	var m trigger
	m.last = read()
	look := time.NewTicker(betweenLooks)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-look.C:
			s := read()
			if !m.due(now, s) {
				continue
			}
			runtime.GC() // twice in all: what pools keep survives one
			debug.FreeOSMemory()
			after := read()
			m.collected(now, after.held)
			log.Debug("memory given back after a load", "before", s.held, "after", after.held)
		}
	}
}
