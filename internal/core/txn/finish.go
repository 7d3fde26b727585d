package txn

import (
	"fmt"
	"strings"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/invariant"
)

// finish ends a leg: its only Finish effect.
func (m *Machine) finish(out []Effect, p *pending, o Outcome) []Effect {
	invariant.Check(m.find(p.id) == p, "a leg finishes once, and is pending until then")
	o.Peer = m.peers[p.peer].id
	o.Attempts = int(p.attempt)
	o.Took = m.now - p.submitted
	if o.Err == nil {
		m.stats.Done++
	} else {
		m.stats.Failed++
		o.MayApply = p.mayApply()
	}
	out = append(out, Effect{Do: Finish, Class: p.class, Attempt: p.attempt, Leg: p.id, Ref: p.ref, Peer: o.Peer, Outcome: o})
	m.free(p)
	return out
}

// fail ends a leg with an error of a kind; last is the last error reported, or nil.
func (m *Machine) fail(out []Effect, p *pending, kind foci.Kind, last error) []Effect {
	e := &foci.Error{Kind: kind, Err: m.history(&p.log, last)}
	if p.peer != noPeer {
		e.Where = "node " + m.peers[p.peer].id.Short()
	}
	switch {
	case last != nil:
		// A replica's error already begins with its name.
		e.Msg = strings.TrimPrefix(last.Error(), e.Where+": ")
		e.RetryAfter = retryAfter(last)
	default:
		e.Msg, e.Fix = m.explain(p, kind)
	}
	return m.finish(out, p, Outcome{Err: e})
}

// refused ends a leg with its replica's error.
func (m *Machine) refused(out []Effect, p *pending, d *Delivery) []Effect {
	out = m.fail(out, p, foci.KindOf(d.Err), d.Err)
	out[len(out)-1].Outcome.Epoch = d.Epoch
	return out
}

// explain is the text for a kind of error of a leg without an answer.
func (m *Machine) explain(p *pending, kind foci.Kind) (msg, fix string) {
	took := (m.now - p.submitted).Round(time.Millisecond)
	switch kind {
	case foci.Stalled:
		return fmt.Sprintf("no answer in %v", took), "look at foci mesh for its links"
	case foci.OutcomeUnknown:
		return fmt.Sprintf("ended after %v without an answer: it may have been applied, or may still be", took), "repeat it, or read it back"
	case foci.Unreachable:
		return fmt.Sprintf("no channel to it for all of %v", took), "look at foci mesh; is the node up?"
	case foci.NoRoute:
		return fmt.Sprintf("no path to it for all of %v", took), "look at foci route"
	case foci.Busy:
		return fmt.Sprintf("too busy for all of %v", took), "try again later"
	}
	return fmt.Sprintf("ended after %v", took), ""
}

// expire ends a leg whose deadline has passed.
func (m *Machine) expire(out []Effect, p *pending) []Effect {
	m.stats.Expired++
	if p.mayApply() {
		return m.fail(out, p, foci.OutcomeUnknown, nil)
	}
	switch {
	case p.waiting() || p.state == storing:
		// A query that got no answer, or a mutation that no channel took.
		if p.mutation {
			return m.fail(out, p, foci.Busy, nil)
		}
		return m.fail(out, p, foci.Stalled, nil)
	case p.cause == foci.Closed:
		return m.fail(out, p, foci.Unreachable, nil)
	}
	return m.fail(out, p, p.cause, nil)
}

// abandon ends a leg whose caller no longer waits.
func (m *Machine) abandon(out []Effect, p *pending, kind foci.Kind, why string) []Effect {
	if p.mayApply() {
		return m.fail(out, p, foci.OutcomeUnknown, foci.Errorf(foci.OutcomeUnknown, "%s before the answer came: it may have been applied, or may still be", why))
	}
	return m.fail(out, p, kind, foci.Errorf(kind, "%s", why))
}
