package quorum

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
)

// Any fetches an immutable record (promise P0) from one group. It asks the next group
// when one fails, lacks the record or is late. The record is missing only when every
// group lacks it.
type Any struct {
	op
	fetch  wire.Fetch
	asked  int
	open   int
	lack   int
	hedge  time.Duration
	spared int // how often the hedge was put off since a group was asked last
	answer Answer
}

// mostSpared is for how many hedging delays the next group is not asked while an answer
// is arriving. It bounds the delay by a group that sends a byte now and then.
const mostSpared = 8

// NewAny makes the machine. The plan's groups are asked in their order.
func NewAny(cfg Config, f wire.Fetch) *Any { return &Any{op: op{cfg: cfg}, fetch: f} }

// Start begins.
func (y *Any) Start(now time.Duration) Out {
	y.begin()
	y.asked, y.open, y.lack = 0, 0, 0
	for y.asked == 0 || y.cfg.Hedge == 0 && y.asked < len(y.cfg.Plan.Groups) {
		y.askNext(now)
	}
	return y.give()
}

// Answer ends a leg.
func (y *Any) Answer(now time.Duration, leg Leg, a Answer) Out {
	g, current := y.observe(leg, &a)
	if !current || y.done || y.awaiting != 0 || y.stale(&a) {
		return y.give()
	}
	y.open--
	m, ok := a.Msg.(*wire.FetchReply)
	switch {
	case foci.KindOf(a.Err) == foci.NotFound && a.Err != nil, a.Err == nil && ok && len(m.Entries) == 0:
		y.lack++
		y.fail(g, &a, foci.Errorf(foci.NotFound, "the group does not have it"))
	case a.Err != nil:
		y.fail(g, &a, a.Err)
	case !ok:
		y.fail(g, &a, foci.Errorf(foci.Protocol, "group %d: unexpected %T", g, a.Msg))
	default:
		y.answer = a
		y.finish(nil)
		return y.give()
	}
	switch {
	case y.asked < len(y.cfg.Plan.Groups):
		y.askNext(now)
	case y.open > 0:
	case y.lack == len(y.cfg.Plan.Groups):
		y.finish(foci.Errorf(foci.NotFound, "no group has it"))
	default:
		y.finish(y.why(foci.NoQuorum, "no group could serve it", "see foci nodes for what is down"))
	}
	return y.give()
}

// Arriving reports that a part of an answer has arrived since the last event. Its group
// is not late: a second copy from the next group would slow down both. The shell calls
// it before Wake.
func (y *Any) Arriving(now time.Duration) {
	if now >= y.hedge && y.spared < mostSpared && !mutant.On(mutant.ArrivingIsLate) {
		y.spared++
		y.hedge = now + y.cfg.Hedge
	}
}

// Wake handles the time of Out.Wake.
func (y *Any) Wake(now time.Duration) Out {
	switch {
	case y.done || y.awaiting != 0 && !y.expired(now):
	case y.expired(now):
		y.finish(y.why(foci.NoQuorum, "no group could serve it in time", "see foci nodes for what is down"))
	case now >= y.hedge && y.asked < len(y.cfg.Plan.Groups):
		y.askNext(now)
	}
	return y.give()
}

// Replan takes a newer layout and asks the groups again.
func (y *Any) Replan(now time.Duration, p Plan) Out {
	if y.replan(p) {
		return y.Start(now)
	}
	return y.give()
}

// Result is the reply and its body, once Done.
func (y *Any) Result() (*wire.FetchReply, []byte, error) {
	m, _ := y.answer.Msg.(*wire.FetchReply)
	return m, y.answer.Body, y.err
}

func (y *Any) askNext(now time.Duration) {
	f := y.fetch
	g := y.cfg.Plan.Groups[y.asked]
	f.Target = wire.Target{Epoch: y.cfg.Plan.Epoch, Group: g}
	y.ask(g, &f)
	y.asked++
	y.open++
	y.hedge, y.spared = now+y.cfg.Hedge, 0
}

func (y *Any) give() Out {
	next := time.Duration(0)
	if y.asked < len(y.cfg.Plan.Groups) && y.cfg.Hedge > 0 && y.awaiting == 0 {
		next = y.hedge
	}
	y.wakeAt(next)
	return y.take()
}
