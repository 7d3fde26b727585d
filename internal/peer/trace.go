package peer

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
)

// AskTrace and a trace's id ask a process what it has noted of it.
const AskTrace = "trace "

// maxSteps is how many steps a process remembers, of all traces together.
const maxSteps = 4096

// Step is something that happened to an operation.
type Step struct {
	Trace foci.TraceID `json:"trace"`
	At    time.Time    `json:"at"` // by the clock of the process
	What  string       `json:"what"`
}

// Traces are the last steps that a process has noted. The zero value is ready.
type Traces struct {
	mu   sync.Mutex
	ring []Step
	next int
}

// Note notes a step.
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

// Of are the steps of one trace that are remembered, oldest first.
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

// newTrace draws a trace whose steps are not all noted.
func newTrace() foci.TraceID { return foci.TraceID(rand.Uint64() &^ 1) }

// Traces are those of this process.
func (p *Peer) Traces() *Traces { return p.traces }

// head encodes a message for an attempt. From the second attempt on every step
// is noted: something is slow, and somebody will ask what.
func (l *leg) head(msg codec.Message, e *txn.Effect) []byte {
	b := msg.Append(make([]byte, 0, 256))
	if e.Attempt > 1 {
		binary.LittleEndian.PutUint64(b[wire.TraceOffset:], uint64(l.trace.Note()))
	}
	return b
}

// noted reports whether the steps of an attempt are to be noted.
func (l *leg) noted(attempt uint32) bool { return l.trace.Noted() || attempt > 1 }

func (p *Peer) noteAttempt(l *leg, e *txn.Effect) {
	if !l.noted(e.Attempt) {
		return
	}
	by := ""
	if !e.Via.IsZero() {
		by = " by way of node " + e.Via.Short()
	}
	p.traces.Note(l.trace, "attempt %d of %v for group %d to node %s%s, class %v", e.Attempt, methodOf(l, e), l.group, e.Peer.Short(), by, l.class)
}

func methodOf(l *leg, e *txn.Effect) wire.Method {
	if e.Do == txn.Ask {
		return wire.MethodHave
	}
	return l.method
}

// noteAnswer notes what came back for an attempt.
func (p *Peer) noteAnswer(l *leg, at *attempt, err error) {
	switch {
	case !l.noted(at.number):
	case err != nil:
		p.traces.Note(l.trace, "attempt %d for group %d: %v", at.number, l.group, err)
	default:
		p.traces.Note(l.trace, "attempt %d for group %d: answered", at.number, l.group)
	}
}
