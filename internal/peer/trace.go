package peer

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/status"
)

// newTrace draws a trace whose steps are not all noted.
func newTrace() foci.TraceID { return foci.TraceID(rand.Uint64() &^ 1) }

// Trace are the steps of an operation that this process remembers.
func (p *Peer) Trace(id foci.TraceID) []status.Step { return p.traces.Of(id) }

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
