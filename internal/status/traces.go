package status

import (
	"fmt"
	"sync"
	"time"

	"github.com/foci-store/foci"
)

// maxSteps is the number of steps that a process keeps, of all traces together.
const maxSteps = 4096

// Step is one event of an operation.
type Step struct {
	Trace foci.TraceID `json:"trace"`
	At    time.Time    `json:"at"` // by the clock of the process
	What  string       `json:"what"`
}

// Traces holds the last steps that a process has recorded. The zero value is ready.
type Traces struct {
	mu   sync.Mutex
	ring []Step // guarded by mu
	next int    // guarded by mu; the oldest step, once the ring is full
}

// Note records a step.
func (t *Traces) Note(id foci.TraceID, format string, args ...any) {
	s := Step{Trace: id, At: time.Now(), What: fmt.Sprintf(format, args...)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.ring) < maxSteps {
		t.ring = append(t.ring, s)
		return
	}
	t.ring[t.next] = s
	t.next = (t.next + 1) % maxSteps
}

// Of returns the recorded steps of one trace, oldest first.
func (t *Traces) Of(id foci.TraceID) []Step {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found []Step
	for i := range t.ring {
		if s := &t.ring[(t.next+i)%len(t.ring)]; s.Trace.Same(id) {
			found = append(found, *s)
		}
	}
	return found
}
