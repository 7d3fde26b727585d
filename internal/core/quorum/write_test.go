package quorum

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

func put(t *testing.T, change func(*Config)) (*Write, *story) {
	return writing(t, rec(record.OpPut, 0, "text"), change)
}

func writing(t *testing.T, r record.Record, change func(*Config)) (*Write, *story) {
	cfg := config()
	if change != nil {
		change(&cfg)
	}
	r.Version = foci.Version{}
	w := NewWrite(cfg, r)
	return w, begin(t, w)
}

func TestPutTakesTwoPhases(t *testing.T) {
	w, s := put(t, nil)
	s.asks("query 1", "query 2") // the nearest quorum
	s.vote("query 1", voteOf(rec(record.OpPut, 5000, "old")))
	s.asks()
	s.vote("query 2", record.Vote{})
	s.asks("store 1", "store 2", "store 3")
	m := s.pending("store 3").Msg.(*wire.Store)
	if got := m.Record.Version; got.Time != 5001 || m.Seen != 5000 || m.Repair {
		t.Fatalf("version %+v after seen %d, want time 5001 after 5000", got, m.Seen)
	}
	s.ack("store 3")
	s.going()
	s.ack("store 1")
	s.ended()
	if v, err := w.Result(); err != nil || v != m.Record.Version {
		t.Fatal(v, err)
	}
	if w.Idle() {
		t.Fatal("idle with a leg open")
	}
	s.ack("store 2")
	s.ended()
	if !w.Idle() || s.wake != 0 {
		t.Fatal("not idle after its last leg")
	}
}

func TestVersionIsAboveTheWatermarkToo(t *testing.T) {
	_, s := put(t, nil)
	s.vote("query 1", record.Vote{Watermark: record.Watermark{Version: at(9000)}})
	s.vote("query 2", voteOf(rec(record.OpPut, 5000, "old")))
	if m := s.pending("store 1").Msg.(*wire.Store); m.Record.Version.Time != 9001 || m.Seen != 9000 {
		t.Fatalf("time %d after %d", m.Record.Version.Time, m.Seen)
	}
}

func TestLateVotersAreHedged(t *testing.T) {
	_, s := put(t, nil)
	s.asks("query 1", "query 2")
	s.vote("query 1", record.Vote{})
	s.passes(hedge)
	s.asks("query 3")
	s.vote("query 3", record.Vote{})
	s.asks("store 1", "store 2", "store 3")
	s.vote("query 2", voteOf(rec(record.OpPut, 9000, "late"))) // of the phase before
	s.asks()
}

func TestWithoutHedgeAllAreAskedAtOnce(t *testing.T) {
	_, s := put(t, func(c *Config) { c.Hedge = 0 })
	s.asks("query 1", "query 2", "query 3")
}

func TestFailedVoterIsReplaced(t *testing.T) {
	w, s := put(t, nil)
	s.fails("query 1", foci.NotReady)
	s.asks("query 1", "query 2", "query 3")
	s.vote("query 2", record.Vote{})
	s.going()
	s.fails("query 3", foci.Stalled)
	_, err := w.Result()
	s.failed(err, foci.NoQuorum)
	s.asks() // nothing was stored anywhere
}

func TestVoteOfAnotherEpochDoesNotCount(t *testing.T) {
	_, s := put(t, nil)
	s.epoch = 2
	s.vote("query 1", record.Vote{})
	s.asks("query 1", "query 2", "query 3")
	s.epoch = 1
	s.vote("query 2", record.Vote{})
	s.asks()
}

func TestVotesAfterTheDeadlineStoreNothing(t *testing.T) {
	w, s := put(t, nil)
	s.vote("query 1", record.Vote{})
	s.passes(hedge)
	s.passes(deadline - hedge)
	_, err := w.Result()
	s.failed(err, foci.NoQuorum)
	s.asks("query 1", "query 2", "query 3")
	s.vote("query 2", record.Vote{})
	s.vote("query 3", record.Vote{})
	s.asks()
	s.ended()
	if !w.Idle() {
		t.Fatal("not idle")
	}
}

func TestStaleLayoutInTheFirstPhase(t *testing.T) {
	_, s := put(t, nil)
	s.vote("query 1", record.Vote{})
	s.answer("query 2", Answer{Err: foci.Errorf(foci.StaleLayout, "epoch 4"), Epoch: 4})
	s.asks("query 1", "query 2")
	if s.layout != 4 {
		t.Fatalf("asked for layout %d, want 4", s.layout)
	}
	s.take(s.m.Replan(s.now, Plan{Epoch: 4, Groups: []foci.Group{3, 2, 1}}))
	s.epoch = 4
	s.asks("query 3", "query 2") // the vote of group 1 is not kept
	s.vote("query 3", record.Vote{})
	s.asks()
	s.vote("query 2", record.Vote{})
	s.asks("store 3", "store 2", "store 1")
}

func TestStaleLayoutKeepsTheVersionAndNoAcknowledgement(t *testing.T) {
	w, s := put(t, nil)
	s.vote("query 1", record.Vote{})
	s.vote("query 2", record.Vote{})
	v := w.Version()
	s.ack("store 1")
	s.answer("store 2", Answer{Err: foci.Errorf(foci.StaleLayout, "epoch 2"), Epoch: 2})
	s.ack("store 3") // rests: not counted any more
	s.going()
	s.asks("query 1", "query 2", "store 1", "store 2", "store 3")
	s.take(s.m.Replan(s.now, Plan{Epoch: 2, Groups: []foci.Group{1, 2, 3}}))
	s.epoch = 2
	s.asks("store 1", "store 2", "store 3")
	if got := s.pending("store 1").Msg.(*wire.Store).Record.Version; got != v || v.IsZero() {
		t.Fatalf("version %v, was %v", got, v)
	}
	s.ack("store 1")
	s.going()
	s.ack("store 2")
	s.ended()
}

func TestOldPlanChangesNothing(t *testing.T) {
	_, s := put(t, nil)
	s.asks("query 1", "query 2")
	s.take(s.m.Replan(s.now, Plan{Epoch: 1, Groups: []foci.Group{3}}))
	s.asks()
}

func TestReplicaWithAnOlderLayoutOnlyFails(t *testing.T) {
	_, s := put(t, nil)
	s.answer("query 1", Answer{Err: foci.Errorf(foci.StaleLayout, "epoch 1"), Epoch: 1})
	s.asks("query 1", "query 2", "query 3")
	if s.layout != 0 {
		t.Fatalf("asked for layout %d", s.layout)
	}
}

// stored is a put whose first phase is over.
func stored(t *testing.T, change func(*Config)) (*Write, *story) {
	w, s := put(t, change)
	for _, q := range s.fresh {
		s.vote(q, record.Vote{})
	}
	s.fresh = nil
	return w, s
}

func TestRefusedByAll(t *testing.T) {
	w, s := stored(t, nil)
	s.fails("store 1", foci.BelowWatermark)
	s.fails("store 2", foci.BelowWatermark)
	s.going() // the third may have kept it
	s.fails("store 3", foci.ClockAhead)
	_, err := w.Result()
	s.failed(err, foci.BelowWatermark)
}

func TestOutcomes(t *testing.T) {
	stray := func(k foci.Kind) Answer { return Answer{Err: foci.Errorf(k, "no"), Stray: true} }
	refused := Answer{Err: foci.Errorf(foci.NotReady, "no")}
	acked := Answer{Msg: &wire.StoreReply{Epoch: 1}}
	for _, c := range []struct {
		name    string
		answers [3]Answer
		want    foci.Kind
	}{
		{"refused, but an earlier sending is on its way", [3]Answer{refused, refused, stray(foci.NotReady)}, foci.OutcomeUnknown},
		{"no answer", [3]Answer{refused, refused, {Err: foci.Errorf(foci.Stalled, "no")}}, foci.OutcomeUnknown},
		{"an fsync failed", [3]Answer{refused, refused, {Err: foci.Errorf(foci.ReadOnly, "no")}}, foci.OutcomeUnknown},
		{"one kept it", [3]Answer{acked, refused, refused}, foci.OutcomeUnknown},
		{"not an acknowledgement", [3]Answer{refused, refused, {Msg: &wire.QueryReply{Epoch: 1}}}, foci.OutcomeUnknown},
		{"an acknowledgement of another epoch", [3]Answer{acked, {Msg: &wire.StoreReply{Epoch: 2}}, refused}, foci.OutcomeUnknown},
		{"all refused", [3]Answer{refused, refused, refused}, foci.NotReady},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, s := stored(t, nil)
			for i, what := range []string{"store 1", "store 2", "store 3"} {
				s.answer(what, c.answers[i])
			}
			_, err := w.Result()
			s.failed(err, c.want)
			s.hinted()
			if !w.Idle() {
				t.Fatal("not idle")
			}
		})
	}
}

func TestRefusedByAllAfterAChangeOfLayoutIsUnknown(t *testing.T) {
	w, s := stored(t, nil)
	s.answer("store 1", Answer{Err: foci.Errorf(foci.StaleLayout, "epoch 2"), Epoch: 2})
	s.take(s.m.Replan(s.now, Plan{Epoch: 2, Groups: []foci.Group{1}}))
	s.fails("store 1", foci.NotReady)
	_, err := w.Result() // groups 2 and 3 may have kept what they were sent first
	s.failed(err, foci.OutcomeUnknown)
}

func TestDeadlineAfterStoring(t *testing.T) {
	w, s := stored(t, nil)
	s.ack("store 2")
	s.passes(deadline - time.Nanosecond)
	s.going()
	s.passes(time.Nanosecond)
	v, err := w.Result()
	s.failed(err, foci.OutcomeUnknown)
	if v.IsZero() {
		t.Fatal("the version of what may have happened is not told")
	}
	s.ack("store 1") // too late to change what the caller was told
	s.ended()
}

func TestLevels(t *testing.T) {
	for _, c := range []struct {
		level foci.Level
		asked int
		acks  int
	}{{foci.One, 1, 1}, {foci.Quorum, 2, 2}, {foci.All, 3, 3}} {
		t.Run(c.level.String(), func(t *testing.T) {
			_, s := put(t, func(cfg *Config) { cfg.Level = c.level })
			s.asks([]string{"query 1", "query 2", "query 3"}[:c.asked]...)
			for _, q := range []string{"query 1", "query 2", "query 3"}[:c.asked] {
				s.vote(q, record.Vote{})
			}
			s.asks("store 1", "store 2", "store 3")
			for _, q := range []string{"store 1", "store 2", "store 3"}[:c.acks] {
				s.going()
				s.ack(q)
			}
			s.ended()
		})
	}
}

func TestLegsThatNobodyAskedFor(t *testing.T) {
	w, s := stored(t, nil)
	ack := Answer{Msg: &wire.StoreReply{Epoch: 1}}
	s.take(w.Answer(0, 99, ack))
	leg := s.pending("store 1").Leg
	s.take(w.Answer(0, leg, ack))
	s.take(w.Answer(0, leg, ack)) // again
	s.take(w.Answer(0, 0, ack))   // of a query, answered before
	s.going()
}

func TestAppendAtTheLimit(t *testing.T) {
	full := record.Vote{Base: at(5), BaseOp: record.OpPut, Count: foci.MaxAppends, Newest: at(9)}
	_, s := writing(t, rec(record.OpAppend, 0, "more"), nil)
	s.vote("query 1", full)
	s.vote("query 2", full)
	s.asks("query 1", "query 2", "store 1", "store 2", "store 3")

	full.Count++
	w, s := writing(t, rec(record.OpAppend, 0, "more"), nil)
	s.vote("query 1", record.Vote{})
	s.vote("query 2", full)
	_, err := w.Result()
	s.failed(err, foci.TooLarge)
	s.asks("query 1", "query 2")

	w, s = put(t, nil) // a put begins anew
	s.vote("query 1", full)
	s.vote("query 2", full)
	s.asks("query 1", "query 2", "store 1", "store 2", "store 3")
	_ = w
}

func TestAppendCountsFromTheNewestBase(t *testing.T) {
	_, s := writing(t, rec(record.OpAppend, 0, "more"), nil)
	s.vote("query 1", record.Vote{Base: at(5), BaseOp: record.OpPut, Count: foci.MaxAppends + 1, Newest: at(9)})
	s.vote("query 2", record.Vote{Base: at(10), BaseOp: record.OpPut, Count: 1, Newest: at(10)})
	s.asks("query 1", "query 2", "store 1", "store 2", "store 3")
}

func TestNoTimeLeft(t *testing.T) {
	w, s := put(t, nil)
	s.vote("query 1", voteOf(rec(record.OpPut, foci.MaxTime-1, "last")))
	s.vote("query 2", record.Vote{})
	_, err := w.Result()
	s.failed(err, foci.TooLarge)
}

func TestChunkNeedsNoFirstPhase(t *testing.T) {
	r := rec(record.OpChunk, 42, "chunk")
	w := NewChunk(config(), r)
	s := begin(t, w)
	s.asks("store 1", "store 2", "store 3")
	if got := s.pending("store 1").Msg.(*wire.Store).Record.Version; got != r.Version {
		t.Fatalf("version %v, want its own %v", got, r.Version)
	}
	s.ack("store 1")
	s.ack("store 2")
	s.ended()
}
