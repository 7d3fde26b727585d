package quorum

import (
	"cmp"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/invariant"
	"github.com/foci-store/foci/internal/core/mutant"
)

// asked is one leg of an operation: the group that it asked, and in which phase.
type asked struct {
	group foci.Group
	phase int
	ended bool
	node  foci.NodeID // that ended it
}

// op is what all operations share: their legs, their deadline and their end.
type op struct {
	cfg      Config
	legs     []asked
	phase    int // legs of earlier phases are not heard any more
	awaiting foci.Epoch
	done     bool
	err      error
	failed   []foci.Replica // what single legs ended with, in this phase
	out      Out
}

// ask adds a leg of the present phase.
func (o *op) ask(g foci.Group, m codec.Message) Leg {
	leg := Leg(len(o.legs))
	o.legs = append(o.legs, asked{group: g, phase: o.phase})
	o.out.Asks = append(o.out.Asks, Ask{Leg: leg, Group: g, Msg: m})
	return leg
}

// observe ends a leg and reports its group, and whether the present phase waits for it.
// A second answer, or one to an unknown leg, is ignored.
func (o *op) observe(leg Leg, a *Answer) (foci.Group, bool) {
	if int(leg) >= len(o.legs) || o.legs[leg].ended {
		return 0, false
	}
	l := &o.legs[leg]
	l.ended, l.node = true, a.Node
	return l.group, l.phase == o.phase
}

// silent are the groups that have not answered in the present phase.
func (o *op) silent() []foci.Group {
	var gs []foci.Group
	for _, l := range o.legs {
		if l.phase == o.phase && !l.ended {
			gs = append(gs, l.group)
		}
	}
	return gs
}

// begin starts a phase; answers of earlier phases do not count in it.
func (o *op) begin() {
	o.phase++
	o.failed = nil
}

// stale handles a replica with another layout. It reports whether the operation now
// rests until it has a newer layout; a replica with an older one just cannot vote.
func (o *op) stale(a *Answer) bool {
	if o.done || foci.KindOf(a.Err) != foci.StaleLayout || a.Epoch <= o.cfg.Plan.Epoch {
		return false
	}
	o.awaiting = a.Epoch
	o.out.Layout = a.Epoch
	return true
}

// replan takes a newer layout and reports whether the phase must start again.
func (o *op) replan(p Plan) bool {
	if o.done || p.Epoch <= o.cfg.Plan.Epoch {
		return false
	}
	o.cfg.Plan = p
	o.awaiting = 0
	return true
}

// finish ends the operation for its caller, once.
func (o *op) finish(err error) {
	if !o.done {
		invariant.Check(o.phase > 0 || err != nil, "an operation that asked nothing cannot succeed")
		o.done, o.err, o.out.Done = true, err, true
		o.out.Wake = 0
	}
}

// expired reports whether the deadline has passed.
func (o *op) expired(now time.Duration) bool { return now >= o.cfg.Deadline }

// wakeAt asks to be woken at t, or at the deadline when that is earlier.
func (o *op) wakeAt(t time.Duration) {
	if o.done {
		o.out.Wake = 0
		return
	}
	o.out.Wake = o.cfg.Deadline
	if t > 0 && t < o.cfg.Deadline {
		o.out.Wake = t
	}
}

// take returns and clears the pending Out. Its Asks are valid until the next event.
func (o *op) take() Out {
	invariant.Check(o.done || o.out.Wake != 0, "an operation that is not over has a time at which it ends")
	out := o.out
	o.out = Out{Wake: out.Wake}
	return out
}

// Idle reports whether the operation has ended and no leg is open.
func (o *op) Idle() bool {
	return o.done && !slices.ContainsFunc(o.legs, func(l asked) bool { return !l.ended })
}

// fail records the failure of a leg.
func (o *op) fail(g foci.Group, a *Answer, err error) {
	o.failed = append(o.failed, foci.Replica{Group: g, Node: a.Node, Err: err})
}

// why makes the error of the operation, with the outcome at each replica. If a replica
// refused with Denied, that is the error: the others would refuse too.
func (o *op) why(k foci.Kind, msg, fix string) error {
	if at := slices.IndexFunc(o.failed, func(r foci.Replica) bool { return isDenied(r.Err) }); at >= 0 && k == foci.NoQuorum {
		return o.failed[at].Err
	}
	e := &foci.Error{Kind: k, Msg: msg, Fix: fix}
	if !mutant.On(mutant.NamelessReplicas) {
		e.Err = o.replicas()
	}
	return e
}

func isDenied(err error) bool { return err != nil && foci.KindOf(err) == foci.Denied }

// replicas are the outcomes of the present phase at the groups of the plan.
func (o *op) replicas() foci.Replicas {
	var all foci.Replicas
	for _, g := range o.cfg.Plan.Groups {
		r := o.replica(g)
		if o.cfg.Name != nil && !r.Node.IsZero() {
			r.Name = o.cfg.Name(r.Node)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b foci.Replica) int { return cmp.Compare(a.Group, b.Group) })
	return all
}

func (o *op) replica(g foci.Group) foci.Replica {
	for i := len(o.failed) - 1; i >= 0; i-- {
		if o.failed[i].Group == g {
			return o.failed[i]
		}
	}
	r := foci.Replica{Group: g, Err: foci.Errorf(foci.Canceled, "it was not asked")}
	for i := range o.legs {
		switch l := &o.legs[i]; {
		case l.group != g || l.phase != o.phase:
		case !l.ended:
			return foci.Replica{Group: g, Err: foci.Errorf(foci.Stalled, "no answer yet")}
		default:
			r = foci.Replica{Group: g, Node: l.node}
		}
	}
	return r
}
