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

// whole reports whether the answer carries the one record that the object is,
// and its content is what the vote is about.
func (v *vote) whole(object *record.Vote) bool {
	e := &v.reply.Entry
	return v.reply.Inline && object.Count == 1 && e.Version == object.Base && e.Sum() == object.Sum &&
		e.Hash == record.ContentHash(e.Op, e.Manifest, v.reply.Meta, v.body)
}

// ballot is a phase that collects votes: the nearest groups are asked first,
// one more whenever one is late or fails.
type ballot struct {
	id     foci.ID
	inline uint32 // content wanted from the first group asked
	order  []foci.Group
	asked  int
	open   int
	votes  []vote
	hedge  time.Duration // when one more group is asked
}

// start asks the first groups, in a new phase.
func (b *ballot) start(o *op, now time.Duration, order []foci.Group) {
	o.begin()
	kept := b.votes
	*b = ballot{id: b.id, inline: b.inline, order: order, votes: b.votes[:0]}
	if o.cfg.Mutants.KeepVotes {
		b.votes = kept
	}
	for b.asked < min(o.cfg.needs(), len(order)) || o.cfg.Hedge == 0 && b.asked < len(order) {
		b.askNext(o)
	}
	b.hedge = now + o.cfg.Hedge
}

func (b *ballot) askNext(o *op) {
	q := &wire.Query{ID: b.id, Target: wire.Target{Epoch: o.cfg.Plan.Epoch, Group: b.order[b.asked]}}
	switch {
	case b.asked == 0:
		q.Inline = b.inline
	case b.inline > 0 && !mutant.On(mutant.WriterStats):
		q.Inline = 1 // a reader's question, for which the right to write will not do
	}
	o.ask(b.order[b.asked], q)
	b.asked++
	b.open++
}

// answer counts one leg of the phase. It reports whether enough have voted;
// when that has become impossible it fails.
func (b *ballot) answer(o *op, now time.Duration, g foci.Group, a *Answer) (enough bool, err error) {
	b.open--
	reply, ok := a.Msg.(*wire.QueryReply)
	switch {
	case a.Err != nil:
		o.fail(g, a, a.Err)
	case !ok || reply.Epoch != o.cfg.Plan.Epoch:
		o.fail(g, a, foci.Errorf(foci.Protocol, "group %d: not a vote of epoch %d", g, o.cfg.Plan.Epoch))
	default:
		invariant.Check(!b.voted(g), "group %d votes once in a phase", g)
		b.votes = append(b.votes, vote{group: g, reply: reply, body: a.Body})
		return len(b.votes) >= o.cfg.needs(), nil
	}
	if b.asked < len(b.order) {
		b.askNext(o)
		b.hedge = now + o.cfg.Hedge
	}
	if len(b.votes)+b.open < o.cfg.needs() {
		return false, o.noQuorum(len(b.votes))
	}
	return false, nil
}

// voted reports whether a group's vote counts already.
func (b *ballot) voted(g foci.Group) bool {
	return slices.ContainsFunc(b.votes, func(v vote) bool { return v.group == g })
}

// wake asks one more group when the asked ones are late.
func (b *ballot) wake(o *op, now time.Duration) {
	if now >= b.hedge && b.asked < len(b.order) {
		b.askNext(o)
		b.hedge = now + o.cfg.Hedge
	}
}

// next is when the phase wants to be woken, 0 when nobody is left to ask.
func (b *ballot) next() time.Duration {
	if b.asked < len(b.order) {
		return b.hedge
	}
	return 0
}

// seen is the newest version that any voter knows of.
func (b *ballot) seen() foci.Version {
	var v foci.Version
	for i := range b.votes {
		if s := b.votes[i].reply.Vote.Seen(); v.Less(s) {
			v = s
		}
	}
	return v
}

// count is the most transactions that any voter counts from the newest base up.
func (b *ballot) count() uint32 {
	var base foci.Version
	n := uint32(0)
	for i := range b.votes {
		v := &b.votes[i].reply.Vote
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
func (b *ballot) clocks() []int64 {
	c := make([]int64, 0, foci.MaxGroups)
	for i := range b.votes {
		c = append(c, b.votes[i].reply.Clock)
	}
	return c
}

func (o *op) noQuorum(got int) error {
	return o.why(foci.NoQuorum, quorumText(got, o.cfg.needs(), len(o.cfg.Plan.Groups)), "see foci nodes for what is down")
}
