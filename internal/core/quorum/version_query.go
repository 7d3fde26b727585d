package quorum

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/invariant"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// vote is one group's answer to a query.
type vote struct {
	group foci.Group
	reply *wire.QueryReply
	body  []byte
}

// whole reports whether the answer carries the object's only record, with the content
// that the vote counts.
func (v *vote) whole(object *record.Vote) bool {
	e := &v.reply.Entry
	return v.reply.Inline && object.Count == 1 && e.Version == object.Base && e.Sum() == object.Sum &&
		e.Hash == record.ContentHash(e.Op, e.Manifest, v.reply.Meta, v.body)
}

// versionQuery is a phase that collects a quorum of votes: the nearest groups are
// asked first, one more whenever one is late or fails.
type versionQuery struct {
	id     foci.ID
	inline uint32 // content wanted from the first group asked
	order  []foci.Group
	asked  int
	open   int
	votes  []vote
	hedge  time.Duration // when one more group is asked
}

// start asks the first groups, in a new phase.
func (q *versionQuery) start(o *op, now time.Duration, order []foci.Group) {
	o.begin()
	kept := q.votes
	*q = versionQuery{id: q.id, inline: q.inline, order: order, votes: q.votes[:0]}
	if o.cfg.Mutants.KeepVotes {
		q.votes = kept
	}
	for q.asked < min(o.cfg.needs(), len(order)) || o.cfg.Hedge == 0 && q.asked < len(order) {
		q.askNext(o)
	}
	q.hedge = now + o.cfg.Hedge
}

func (q *versionQuery) askNext(o *op) {
	m := &wire.Query{ID: q.id, Target: wire.Target{Epoch: o.cfg.Plan.Epoch, Group: q.order[q.asked]}}
	switch {
	case q.asked == 0:
		m.Inline = q.inline
	case q.inline > 0 && !mutant.On(mutant.WriterStats):
		m.Inline = 1 // a reader's question, for which the right to write will not do
	}
	o.ask(q.order[q.asked], m)
	q.asked++
	q.open++
}

// answer counts one leg of the phase. It reports whether enough have voted;
// when that has become impossible it fails.
func (q *versionQuery) answer(o *op, now time.Duration, g foci.Group, a *Answer) (enough bool, err error) {
	q.open--
	reply, ok := a.Msg.(*wire.QueryReply)
	switch {
	case a.Err != nil:
		o.fail(g, a, a.Err)
	case !ok || reply.Epoch != o.cfg.Plan.Epoch:
		o.fail(g, a, foci.Errorf(foci.Protocol, "group %d: not a vote of epoch %d", g, o.cfg.Plan.Epoch))
	default:
		invariant.Check(!q.voted(g), "group %d votes once in a phase", g)
		q.votes = append(q.votes, vote{group: g, reply: reply, body: a.Body})
		return len(q.votes) >= o.cfg.needs(), nil
	}
	if q.asked < len(q.order) {
		q.askNext(o)
		q.hedge = now + o.cfg.Hedge
	}
	if len(q.votes)+q.open < o.cfg.needs() {
		return false, o.noQuorum(len(q.votes))
	}
	return false, nil
}

// voted reports whether a group's vote counts already.
func (q *versionQuery) voted(g foci.Group) bool {
	return slices.ContainsFunc(q.votes, func(v vote) bool { return v.group == g })
}

// wake asks one more group when the others are late (hedging), and ends the operation at
// its deadline.
func (q *versionQuery) wake(o *op, now time.Duration) {
	switch {
	case o.done:
	case o.expired(now):
		o.finish(o.noQuorum(len(q.votes)))
	case o.awaiting == 0 && now >= q.hedge && q.asked < len(q.order):
		q.askNext(o)
		q.hedge = now + o.cfg.Hedge
	}
}

// next is when to wake the phase; 0 while the operation rests, and when all groups were
// asked.
func (q *versionQuery) next(o *op) time.Duration {
	if o.awaiting != 0 || q.asked >= len(q.order) {
		return 0
	}
	return q.hedge
}

// seen is the newest version that any voter knows of.
func (q *versionQuery) seen() foci.Version {
	var v foci.Version
	for i := range q.votes {
		if s := q.votes[i].reply.Vote.Seen(); v.Less(s) {
			v = s
		}
	}
	return v
}

// count is the most transactions that any voter counts from the newest base up.
func (q *versionQuery) count() uint32 {
	var base foci.Version
	n := uint32(0)
	for i := range q.votes {
		v := &q.votes[i].reply.Vote
		switch c := v.Base.Compare(base); {
		case c > 0:
			base, n = v.Base, v.Count
		case c == 0:
			n = max(n, v.Count)
		}
	}
	return n
}

// clocks are the voters' clocks.
func (q *versionQuery) clocks() []int64 {
	c := make([]int64, 0, foci.MaxGroups)
	for i := range q.votes {
		c = append(c, q.votes[i].reply.Clock)
	}
	return c
}

func (o *op) noQuorum(got int) error {
	return o.why(foci.NoQuorum, quorumText(got, o.cfg.needs(), len(o.cfg.Plan.Groups)), "see foci nodes for what is down")
}
