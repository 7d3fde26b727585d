package operation

import (
	"math/rand/v2"

	"github.com/foci-store/foci"
	core "github.com/foci-store/foci/internal/core/operation"
)

// newTrace draws a trace id that does not ask for its steps to be noted.
func newTrace() foci.TraceID { return foci.TraceID(rand.Uint64() &^ 1) }

// noted reports whether the steps of an attempt are noted: if its trace asks for it, or
// if it is a resend.
func noted(a *core.Attempt) bool { return a.Op.Trace.Noted() || a.Number > 1 }

func (r *Runner) noteAttempt(a *core.Attempt) {
	if !noted(a) {
		return
	}
	by := ""
	if !a.Relay.IsZero() {
		by = " by relay " + a.Relay.Short()
	}
	r.cfg.Traces.Note(a.Op.Trace, "attempt %d of %v for group %d to node %s%s, class %v", a.Number, a.Method, a.Group(), a.Peer.Short(), by, a.Op.Class)
}

// noteDelivery notes the end of an attempt.
func (r *Runner) noteDelivery(a *core.Attempt, err error) {
	switch {
	case !noted(a):
	case err != nil:
		r.cfg.Traces.Note(a.Op.Trace, "attempt %d for group %d: %v", a.Number, a.Group(), err)
	default:
		r.cfg.Traces.Note(a.Op.Trace, "attempt %d for group %d: answered", a.Number, a.Group())
	}
}
