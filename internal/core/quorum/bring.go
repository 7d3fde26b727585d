package quorum

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
)

// bring is the write-back (read repair) of a read whose caller may not write: a voter
// is asked to send another one what that one lacks, and then both vote again. So such
// a read is as linearizable as any other.
type bring struct{ missed foci.Group }

// startBring replaces the write-back by the caller, which a voter has denied.
func (r *Read) startBring(now time.Duration, holder, missed foci.Group) {
	r.begin()
	r.reconcile, r.bring = nil, &bring{missed}
	r.ask(holder, &wire.Hint{Target: wire.Target{Epoch: r.cfg.Plan.Epoch, Group: holder}, ID: r.query.id, Missed: missed, Now: true})
	r.wait(now)
}

// answerBring continues when the holder has answered.
func (r *Read) answerBring(now time.Duration, g foci.Group, a *Answer) {
	m, ok := a.Msg.(*wire.HintReply)
	switch {
	case isDenied(a.Err):
		r.finish(a.Err) // it may not even read
	case a.Err != nil:
		r.fail(g, a, a.Err)
		r.restart(now, []foci.Group{r.bring.missed, g})
	case !ok || m.Epoch != r.cfg.Plan.Epoch:
		r.fail(g, a, foci.Errorf(foci.Protocol, "an unexpected %T, or of another epoch than %d", a.Msg, r.cfg.Plan.Epoch))
		r.restart(now, []foci.Group{g})
	case mutant.On(mutant.BroughtUnasked):
		r.resolve()
	default:
		r.restart(now, nil)
	}
}
