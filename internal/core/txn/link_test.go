package txn

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// TestFaultyLink drives the machine over a link that loses, doubles, delays and
// reorders messages, whose channels die and whose peers come and go, to servers
// that apply idempotently. Whatever happens: every leg is finished exactly once
// and in time; success means applied; a failure that is certain to have changed
// nothing has changed nothing, ever; and nothing is left behind.
func TestFaultyLink(t *testing.T) {
	var seen [3]int // ended well, certainly not applied, unknown
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.run()
		w.judge(&seen)
	})
	for i, what := range []string{"success", "certain failure", "unknown outcome"} {
		if seen[i] == 0 {
			t.Errorf("no leg ended in %s: the link is not faulty enough to say anything", what)
		}
	}
}

// world is the link, the servers and the clock.
type world struct {
	t      *rapid.T
	m      *Machine
	now    time.Duration
	queue  []happening
	n      int
	peers  [3]foci.NodeID // the last one only forwards
	up     [3]bool        // really
	legs   []*lab
	byID   map[LegID]*lab
	faulty int // per cent
	lag    time.Duration
}

type happening struct {
	at  time.Duration
	n   int // among those of one time, in order
	act func()
}

// lab is one leg and what really became of it.
type lab struct {
	leg      Leg
	refused  bool
	finished int
	outcome  Outcome
	endedAt  time.Duration
	storing  bool
	applied  bool
	atEnd    bool // applied when it was finished
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, byID: map[LegID]*lab{}}
	w.faulty = rapid.SampledFrom([]int{0, 10, 30, 60}).Draw(t, "faulty")
	w.lag = rapid.SampledFrom([]time.Duration{0, 20 * time.Millisecond}).Draw(t, "lag")
	for i := range w.peers {
		w.peers[i][0] = byte(i + 1)
	}
	w.m = New(Config{Route: w.route, Stall: 200 * time.Millisecond, Resends: 3, MaxLegs: 12, MaxBytes: 1 << 20})
	for range rapid.IntRange(1, 20).Draw(t, "legs") {
		w.after(w.delay(3000), w.submit)
	}
	for i := range w.peers {
		w.after(w.delay(300), func() { w.flip(i, true) })
		for range rapid.IntRange(0, 2).Draw(t, "outages") {
			w.after(w.delay(4000), func() { w.flip(i, false) })
		}
	}
	return w
}

func (w *world) chance(perCent int) bool {
	return rapid.IntRange(0, 99).Draw(w.t, "chance") < perCent
}

func (w *world) delay(most int) time.Duration {
	return time.Duration(rapid.IntRange(0, most).Draw(w.t, "delay")) * time.Millisecond
}

func (w *world) after(d time.Duration, act func()) {
	w.n++
	h := happening{w.now + d, w.n, act}
	at, _ := slices.BinarySearchFunc(w.queue, h, func(a, b happening) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.n, b.n)) })
	w.queue = slices.Insert(w.queue, at, h)
}

// route sends to the owner, or by way of the last peer while the owner is down.
func (w *world) route(to Target, _ foci.Class) (Path, error) {
	owner := int(to.Group)
	switch {
	case w.up[owner] || !w.up[2]:
		return Path{Peer: w.peers[owner]}, nil
	case to.ID[0] == 1:
		return Path{Peer: w.peers[owner], Relay: w.peers[2]}, nil
	case to.ID[0] == 2:
		return Path{}, foci.Errorf(foci.NoRoute, "no way")
	}
	return Path{Peer: w.peers[owner]}, foci.Errorf(foci.Unreachable, "away")
}

func (w *world) run() {
	for steps := 0; ; steps++ {
		if steps > 20_000 {
			w.t.Fatalf("no end: %d legs after %v", w.m.Len(), w.now)
		}
		due, armed := w.m.NextWake()
		switch {
		case len(w.queue) > 0 && (!armed || w.queue[0].at <= due):
			h := w.queue[0]
			w.queue = w.queue[1:]
			w.now = h.at
			h.act()
		case armed:
			w.now = max(w.now, due)
			w.do(w.m.Tick(nil, w.now))
		default:
			return
		}
	}
}

func (w *world) submit() {
	l := &lab{leg: Leg{
		Mutation: w.chance(70), CanAsk: w.chance(70), Class: foci.Reg,
		Size:     rapid.SampledFrom([]int{0, 100, 100_000}).Draw(w.t, "size"),
		Deadline: w.now + w.delay(3000),
	}}
	l.leg.Ref = l
	l.leg.Target.Group = foci.Group(rapid.IntRange(0, 1).Draw(w.t, "owner"))
	l.leg.Target.ID[0] = byte(rapid.IntRange(0, 2).Draw(w.t, "way"))
	w.legs = append(w.legs, l)
	effects, id, err := w.m.Submit(nil, w.now, l.leg)
	if err != nil {
		l.refused = true
		if len(effects) > 0 {
			w.t.Fatalf("refused, and yet %v", effects)
		}
		return
	}
	w.byID[id] = l
	w.do(effects)
	if w.chance(w.faulty / 4) {
		w.after(w.delay(2000), func() { w.do(w.m.Cancel(nil, w.now, id)) })
	}
}

// flip changes whether a peer is up; the machine hears of it a little later.
func (w *world) flip(peer int, up bool) {
	w.up[peer] = up
	w.after(w.lag, func() {
		if up {
			w.do(w.m.PeerUp(nil, w.now, w.peers[peer]))
		} else {
			w.do(w.m.PeerDown(nil, w.now, w.peers[peer]))
		}
		if w.chance(50) {
			w.do(w.m.RouteChanged(nil, w.now))
		}
	})
	if !up {
		w.after(w.delay(2500), func() { w.flip(peer, true) })
	}
}

func (w *world) do(effects []Effect) {
	for _, e := range effects {
		l := e.Ref.(*lab)
		if e.Do == Finish {
			l.finished++
			l.outcome, l.endedAt, l.atEnd = e.Outcome, w.now, l.applied
			continue
		}
		if l.finished > 0 {
			w.t.Fatalf("attempt after the end: %+v", e)
		}
		w.carry(e, l)
	}
}

// carry takes an attempt to its server, or not.
func (w *world) carry(e Effect, l *lab) {
	next := e.Peer
	if !e.Relay.IsZero() {
		next = e.Relay
	}
	fail := func(k foci.Kind) func() {
		return func() { w.do(w.m.Delivered(nil, w.now, e.Leg, e.Attempt, failure(&foci.Error{Kind: k}))) }
	}
	switch {
	case !w.up[next[0]-1]:
		w.after(0, fail(foci.Unreachable))
		return
	case w.chance(w.faulty / 4):
		w.after(0, fail(foci.Busy)) // our own queue is full
		return
	case w.chance(w.faulty / 4):
		return // the sender is slow: nothing was sent, and noPeer said so
	}
	w.m.Sent(e.Leg, e.Attempt, Channel(rapid.IntRange(1, 9).Draw(w.t, "channel")), 0)
	verdict := w.verdict()
	again := false
	for copies := 1; copies > 0; copies-- {
		if !w.chance(w.faulty) {
			says := verdict
			w.after(w.delay(400), func() { w.serve(e, l, says, &again) })
		}
		if w.chance(w.faulty / 3) {
			copies++
			again = true
			if w.chance(50) { // one copy may be refused and the other not
				verdict = w.verdict()
			}
		}
	}
	if w.chance(w.faulty / 3) {
		w.after(w.delay(400), fail(foci.Closed))
	}
	if w.chance(20) {
		w.after(w.delay(400), func() { w.m.Progress(w.now, e.Leg, e.Attempt) })
	}
}

// applied is the verdict of a server that does what it is asked.
const applied = foci.NumKinds

func (w *world) verdict() foci.Kind {
	if w.chance(w.faulty) {
		return rapid.SampledFrom([]foci.Kind{foci.Busy, foci.NotReady, foci.StaleLayout, foci.ReadOnly, foci.Unreachable}).Draw(w.t, "verdict")
	}
	return applied
}

// serve is the server: applying takes a while, and twice is as good as once.
// again is whether the request was sent by several channels, which is known
// when it is answered.
func (w *world) serve(e Effect, l *lab, verdict foci.Kind, again *bool) {
	switch {
	case e.Do == Ask:
		has := wire.HaveNo
		if l.applied {
			has = wire.HaveStored
		} else if l.storing {
			has = wire.HaveInProgress
		}
		w.answer(func() {
			w.do(w.m.Delivered(nil, w.now, e.Leg, e.Attempt, &Delivery{Fate: Answered, Msg: &wire.HaveReply{State: has}}))
		})
	case verdict != applied:
		if verdict == foci.ReadOnly || verdict == foci.Unreachable {
			l.applied = l.applied || w.chance(50) // these say nothing about what was done
		}
		w.answer(func() {
			d := failure(&foci.Error{Kind: verdict})
			d.Moved = *again
			w.do(w.m.Delivered(nil, w.now, e.Leg, e.Attempt, d))
		})
	default:
		l.storing = true
		w.after(w.delay(500), func() {
			l.applied = true
			w.answer(func() { w.do(w.m.Delivered(nil, w.now, e.Leg, e.Attempt, &done)) })
		})
	}
}

func (w *world) answer(deliver func()) {
	for copies := 1; copies > 0; copies-- {
		if !w.chance(w.faulty / 2) {
			w.after(w.delay(400), deliver)
		}
		if w.chance(w.faulty / 3) {
			copies++
		}
	}
}

func (w *world) judge(seen *[3]int) {
	for i, l := range w.legs {
		if l.refused {
			if l.finished != 0 || l.applied {
				w.t.Fatalf("leg %d: refused, and yet it went on", i)
			}
			continue
		}
		switch {
		case l.finished != 1:
			w.t.Fatalf("leg %d: finished %d times", i, l.finished)
		case l.endedAt > l.leg.Deadline:
			w.t.Fatalf("leg %d: ended at %v, deadline %v", i, l.endedAt, l.leg.Deadline)
		case l.outcome.Err == nil:
			seen[0]++
			if !l.atEnd {
				w.t.Fatalf("leg %d: success, but not applied", i)
			}
		case !l.outcome.MayApply:
			seen[1]++
			if l.leg.Mutation && l.applied {
				w.t.Fatalf("leg %d: %v says that nothing was done, but it was applied", i, l.outcome.Err)
			}
		default:
			seen[2]++
			if !l.leg.Mutation {
				w.t.Fatalf("leg %d: a query cannot be applied", i)
			}
		}
	}
	if w.m.Len() != 0 || w.m.Bytes() != 0 || len(w.m.timers) != 0 {
		w.t.Fatalf("left behind: %d legs, %d bytes, %d timers", w.m.Len(), w.m.Bytes(), len(w.m.timers))
	}
	for _, q := range w.m.peers {
		if q.legs != nil {
			w.t.Fatalf("peer %v still has legs", q.id.Short())
		}
	}
	for _, s := range w.m.slots {
		if s.leg != nil {
			w.t.Fatal("a slot still has its leg")
		}
	}
	c := w.m.Counters()
	if c.Submitted != c.Done+c.Failed {
		w.t.Fatalf("counters do not add up: %+v", c)
	}
}
