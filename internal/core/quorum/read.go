package quorum

import (
	"cmp"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
)

// Read resolves the current state of an object (promise P1): a quorum votes, and when
// the votes differ, each voter is sent the records that it lacks of the current content
// (read repair) before the caller is answered. So no later read can see less than this
// one. The content itself, unless it is small, is fetched afterwards from one of the
// Holders.
type Read struct {
	op
	query      versionQuery
	reconcile  *reconcile
	bring      *bring        // instead of reconcile, when this caller may not write
	patience   time.Duration // when a write-back without progress goes on without the silent voters
	restarts   int
	watermarks map[foci.Group]record.Watermark // as told by votes before the present query
	found      Found
}

// The timeout of a write-back is longer than that of a vote, because bodies are sent and
// fsynced. Each restart of a read doubles it, so that slow voters succeed in the end.
const (
	patienceHedges = 16 // times the hedge
	leastPatience  = 500 * time.Millisecond
	maxRestarts    = 64 // far above what faults cause; each costs a round trip
)

// Found is the result of a read.
type Found struct {
	Vote    record.Vote  // of the union of the voters' logs
	Holders []foci.Group // groups that certainly hold all of it, nearest first
	Inline  bool         // Entry, Meta and Payload are the whole content
	Entry   record.Entry
	Meta    []byte
	Payload []byte
}

// NewRead makes the machine of one read of one object. Content of at most
// inline bytes comes with the answer when that costs no further round trip.
func NewRead(cfg Config, id foci.ID, inline uint32) *Read {
	return &Read{op: op{cfg: cfg}, query: versionQuery{id: id, inline: inline}}
}

// Start begins.
func (r *Read) Start(now time.Duration) Out {
	r.query.start(&r.op, now, r.cfg.Plan.Groups)
	return r.give()
}

// Answer ends a leg.
func (r *Read) Answer(now time.Duration, leg Leg, a Answer) Out {
	g, current := r.observe(leg, &a)
	switch {
	case !current || r.awaiting != 0 || r.done:
	case r.stale(&a):
	case r.bring != nil:
		r.answerBring(now, g, &a)
	case r.reconcile != nil:
		r.answerReconcile(now, g, leg, &a)
	default:
		r.answerQuery(now, g, &a)
	}
	return r.give()
}

// Wake handles the time of Out.Wake.
func (r *Read) Wake(now time.Duration) Out {
	switch {
	case r.querying() || r.expired(now):
		r.query.wake(&r.op, now)
	case !r.done && r.awaiting == 0 && r.impatient() && now >= r.patience:
		r.restart(now, r.silent())
	}
	return r.give()
}

// querying reports whether votes are collected; else something is written back.
func (r *Read) querying() bool { return r.bring == nil && r.reconcile == nil }

// Replan takes a newer layout and starts the read again.
func (r *Read) Replan(now time.Duration, p Plan) Out {
	if r.replan(p) {
		r.bring, r.reconcile, r.watermarks = nil, nil, nil // a group may be another backend now
		r.query.start(&r.op, now, p.Groups)
	}
	return r.give()
}

// Result is the state of the object, once Done. An object that does not exist is no
// error: its Vote says so.
func (r *Read) Result() (Found, error) { return r.found, r.err }

func (r *Read) give() Out {
	next := time.Duration(0)
	switch {
	case r.querying():
		next = r.query.next(&r.op)
	case r.awaiting == 0 && r.impatient():
		next = r.patience
	}
	r.wakeAt(next)
	return r.take()
}

func (r *Read) answerQuery(now time.Duration, g foci.Group, a *Answer) {
	enough, err := r.query.answer(&r.op, now, g, a)
	switch {
	case err != nil:
		r.finish(err)
	case !enough:
	case r.agreed():
		r.resolve()
	default:
		r.reconcile = newReconcile(&r.op, r.query.id, r.query.votes, r.watermarks)
		r.wait(now)
	}
}

// agreed reports whether the votes need no write-back.
func (r *Read) agreed() bool {
	first := &r.query.votes[0].reply.Vote
	for i := range r.query.votes {
		v := &r.query.votes[i].reply.Vote
		switch {
		case r.cfg.Mutants.NoWriteBack:
		case r.cfg.Mutants.NewestOnly && v.Newest != first.Newest:
			return false
		case !r.cfg.Mutants.NewestOnly && !v.Same(first):
			return false
		}
	}
	return true
}

// resolve answers from equal votes or, if they are taken for equal, from the newest.
func (r *Read) resolve() {
	best := 0
	for i := range r.query.votes {
		v := &r.query.votes[i]
		r.found.Holders = append(r.found.Holders, v.group)
		if r.query.votes[best].reply.Vote.Base.Less(v.reply.Vote.Base) {
			best = i
		}
	}
	r.found.Vote = r.query.votes[best].reply.Vote
	r.found.Holders = inOrder(r.found.Holders, r.cfg.Plan.Groups)
	for i := range r.query.votes {
		v := &r.query.votes[i]
		if v.whole(&r.found.Vote) {
			r.found.Inline, r.found.Entry, r.found.Meta, r.found.Payload = true, v.reply.Entry, v.reply.Meta, v.body
		}
	}
	r.finish(nil)
}

func (r *Read) answerReconcile(now time.Duration, g foci.Group, leg Leg, a *Answer) {
	if holder, denied := r.reconcile.mayNotStore(leg, a); denied {
		r.startBring(now, holder, g)
		return
	}
	done, err := r.reconcile.answer(&r.op, g, leg, a)
	switch {
	case foci.KindOf(err) == foci.BelowWatermark:
		r.restart(now, nil) // no group failed: something was destroyed
	case err != nil:
		r.restart(now, []foci.Group{g})
	case done:
		r.found.Vote = r.reconcile.union
		r.found.Holders = inOrder(r.reconcile.groups(), r.cfg.Plan.Groups)
		r.finish(nil)
	default:
		r.wait(now)
	}
}

// wait restarts the timeout of the voters.
func (r *Read) wait(now time.Duration) {
	r.patience = now + max(patienceHedges*r.cfg.Hedge, leastPatience)<<min(r.restarts, 6)
}

// impatient reports whether another group can be asked instead of a silent voter.
func (r *Read) impatient() bool {
	return r.bring != nil || len(r.reconcile.voters) < len(r.cfg.Plan.Groups)
}

// restart asks again, the groups that failed or are silent last. What was written
// back stays; a voter whose watermark rose or that went away in between is only
// asked again.
func (r *Read) restart(now time.Duration, last []foci.Group) {
	if r.restarts++; r.restarts > cmp.Or(r.cfg.Restarts, maxRestarts) {
		r.finish(r.noQuorum(0))
		return
	}
	order := slices.Clone(r.cfg.Plan.Groups)
	slices.SortStableFunc(order, func(a, b foci.Group) int {
		return cmp.Compare(slices.Index(last, a), slices.Index(last, b))
	})
	r.bring, r.reconcile = nil, nil
	if r.watermarks == nil {
		r.watermarks = map[foci.Group]record.Watermark{}
	}
	for i := range r.query.votes {
		v := &r.query.votes[i]
		r.watermarks[v.group] = v.reply.Vote.Watermark
	}
	r.query.start(&r.op, now, order)
}

// inOrder sorts groups as they stand in the plan.
func inOrder(groups, plan []foci.Group) []foci.Group {
	slices.SortFunc(groups, func(a, b foci.Group) int { return slices.Index(plan, a) - slices.Index(plan, b) })
	return groups
}
