package quorum

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// stampStories are of three groups; the caller's clock says 1000.
var stampStories = []struct {
	name string
	plot func(s *story, clock func(what string, at int64))
	want foci.Kind // NumKinds: success
	at   int64
}{
	{"the median of the voters' clocks when the caller's is ahead", func(s *story, clock func(string, int64)) {
		s.asks("query 1", "query 2")
		clock("query 1", 700)
		s.going()
		clock("query 2", 600)
		s.asks()
	}, foci.NumKinds, 700},
	{"the caller's clock when it is behind", func(s *story, clock func(string, int64)) {
		clock("query 1", 7000)
		clock("query 2", 6000)
	}, foci.NumKinds, 1000},
	{"not above what the key has, which may be ahead of all clocks", func(s *story, _ func(string, int64)) {
		ahead := record.Vote{Newest: at(99000)}
		s.vote("query 1", ahead)
		s.vote("query 2", ahead)
	}, foci.NumKinds, 1000},
	{"one that fails is replaced, one that is late too", func(s *story, clock func(string, int64)) {
		s.fails("query 1", foci.NotReady)
		s.asks("query 1", "query 2", "query 3")
		clock("query 3", 800)
		clock("query 2", 800)
	}, foci.NumKinds, 800},
	{"too few can vote", func(s *story, _ func(string, int64)) {
		s.fails("query 1", foci.NotReady)
		s.fails("query 2", foci.NotReady)
	}, foci.NoQuorum, 0},
	{"none answers in time", func(s *story, _ func(string, int64)) {
		s.passes(hedge)
		s.passes(deadline)
	}, foci.NoQuorum, 0},
	{"asked anew with a newer layout", func(s *story, clock func(string, int64)) {
		clock("query 1", 700)
		s.answer("query 2", Answer{Err: foci.Errorf(foci.StaleLayout, "epoch 2"), Epoch: 2})
		s.take(s.m.Replan(s.now, Plan{Epoch: 2, Groups: []foci.Group{1, 2, 3}}))
		s.epoch = 2
		clock("query 1", 900)
		s.going()
		clock("query 2", 900)
	}, foci.NumKinds, 900},
}

func TestStamp(t *testing.T) {
	for _, c := range stampStories {
		t.Run(c.name, func(t *testing.T) {
			m := NewStamp(config(), foci.ObjectID(name))
			s := begin(t, m)
			c.plot(s, func(what string, at int64) {
				t.Helper()
				s.answer(what, Answer{Msg: &wire.QueryReply{Epoch: s.epoch, Clock: at}})
			})
			v, err := m.Result()
			if c.want != foci.NumKinds {
				s.failed(err, c.want)
				return
			}
			s.ended()
			if err != nil || v.Time != c.at || v.Nonce == 0 {
				t.Fatalf("got %v, %v, want time %d", v, err, c.at)
			}
			s.passes(time.Hour)
			for len(s.open) > 0 {
				s.fails(words(s.open[0]), foci.Stalled)
			}
			s.ended()
			if !m.Idle() {
				t.Error("not idle when its last leg has ended")
			}
		})
	}
}
