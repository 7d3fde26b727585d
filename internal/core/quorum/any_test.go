package quorum

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

var chunk = rec(record.OpChunk, 1, "chunk")

// anyStories are the ways of one fetch of something immutable.
var anyStories = []struct {
	name string
	plot func(s *story)
	want foci.Kind // NumKinds: success
}{
	{"the nearest has it", func(s *story) {
		s.asks("fetch 1")
		s.page("fetch 1", false, chunk)
		s.asks()
	}, foci.NumKinds},
	{"the nearest fails, the next is asked at once", func(s *story) {
		s.fails("fetch 1", foci.Corrupt)
		s.asks("fetch 1", "fetch 2")
		s.page("fetch 2", false, chunk)
	}, foci.NumKinds},
	{"the nearest lacks it", func(s *story) {
		s.fails("fetch 1", foci.NotFound)
		s.page("fetch 2", false, chunk)
	}, foci.NumKinds},
	{"the nearest is late: the first answer counts", func(s *story) {
		s.passes(hedge)
		s.asks("fetch 1", "fetch 2")
		s.passes(hedge)
		s.asks("fetch 3")
		s.page("fetch 3", false, chunk)
		s.page("fetch 1", false)
		s.fails("fetch 2", foci.Stalled)
	}, foci.NumKinds},
	{"an answer that arrives is not late, for a while", func(s *story) {
		s.asks("fetch 1")
		for range mostSpared {
			s.arriving(hedge)
			s.asks()
		}
		s.arriving(hedge)
		s.asks("fetch 2")
		s.arriving(hedge)
		s.asks()
		s.passes(hedge)
		s.asks("fetch 3")
		s.page("fetch 1", false, chunk)
	}, foci.NumKinds},
	{"an answer that arrives does not put off the deadline", func(s *story) {
		s.arriving(deadline)
	}, foci.NoQuorum},
	{"missing, for all groups say so", func(s *story) {
		s.fails("fetch 1", foci.NotFound)
		s.page("fetch 2", false)
		s.going()
		s.fails("fetch 3", foci.NotFound)
	}, foci.NotFound},
	{"not known to be missing, for one does not say", func(s *story) {
		s.fails("fetch 1", foci.NotFound)
		s.fails("fetch 2", foci.NotFound)
		s.fails("fetch 3", foci.Stalled)
	}, foci.NoQuorum},
	{"denied by one, and the others lack it or fail", func(s *story) {
		s.fails("fetch 1", foci.NotFound)
		s.fails("fetch 2", foci.Denied)
		s.fails("fetch 3", foci.Stalled)
	}, foci.Denied},
	{"nonsense is no answer", func(s *story) {
		s.ack("fetch 1")
		s.page("fetch 2", false, chunk)
	}, foci.NumKinds},
	{"nobody answers", func(s *story) {
		s.passes(hedge)
		s.passes(hedge)
		s.passes(deadline)
	}, foci.NoQuorum},
	{"asked anew with a newer layout", func(s *story) {
		s.fails("fetch 1", foci.NotFound)
		s.answer("fetch 2", Answer{Err: foci.Errorf(foci.StaleLayout, "epoch 2"), Epoch: 2})
		s.asks("fetch 1", "fetch 2")
		s.take(s.m.Replan(s.now, Plan{Epoch: 2, Groups: []foci.Group{1, 2, 3}}))
		s.asks("fetch 1")
		s.page("fetch 1", false, chunk)
	}, foci.NumKinds},
	{"an answer nobody asked for", func(s *story) {
		s.take(s.m.Answer(0, 77, Answer{Msg: &wire.FetchReply{Entries: make([]wire.FetchedEntry, 1)}}))
		s.going()
		s.page("fetch 1", false, chunk)
	}, foci.NumKinds},
}

func TestAny(t *testing.T) {
	for _, c := range anyStories {
		t.Run(c.name, func(t *testing.T) {
			y := NewAny(config(), wire.Fetch{ID: chunk.ID, MaxBytes: foci.MaxPayload})
			s := begin(t, y)
			c.plot(s)
			m, body, err := y.Result()
			if c.want != foci.NumKinds {
				s.failed(err, c.want)
				return
			}
			s.ended()
			if err != nil || m.Entries[0].Version != chunk.Version || string(body) != "chunk" {
				t.Fatal(m, string(body), err)
			}
		})
	}
}

func TestAnyIsIdleWhenItsLastLegEnds(t *testing.T) {
	y := NewAny(config(), wire.Fetch{MaxBytes: 1})
	s := begin(t, y)
	s.passes(hedge)
	s.page("fetch 2", false, chunk)
	if y.Idle() {
		t.Fatal("idle with a leg open")
	}
	s.passes(time.Hour)
	s.fails("fetch 1", foci.Stalled)
	s.ended()
	if !y.Idle() {
		t.Fatal("not idle")
	}
}

func TestAnyWithoutHedgeAsksAllAtOnce(t *testing.T) {
	cfg := config()
	cfg.Hedge = 0
	s := begin(t, NewAny(cfg, wire.Fetch{MaxBytes: 1}))
	s.asks("fetch 1", "fetch 2", "fetch 3")
}
