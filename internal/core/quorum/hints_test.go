package quorum

import (
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

var kept = Answer{Msg: &wire.HintReply{Epoch: 1}}

// hinted answers every hint that is asked for.
func (s *story) hinted() {
	for _, a := range append([]Ask(nil), s.open...) {
		if _, ok := a.Msg.(*wire.Hint); ok {
			s.answer(words(a), kept)
		}
	}
	s.fresh = nil
}

func TestGroupThatMissedAPutIsHinted(t *testing.T) {
	w, s := stored(t, nil)
	s.asks()
	s.ack("store 2")
	s.ack("store 3")
	s.ended() // the caller does not wait for what follows
	s.fails("store 1", foci.Unreachable)
	s.asks("hint 2 of 1")
	if h := s.pending("hint 2 of 1").Msg.(*wire.Hint); h.Epoch != 1 || h.ID != w.rec.ID {
		t.Errorf("the hint is %+v", h)
	}
	if w.Idle() {
		t.Error("idle before the hint is kept")
	}
	s.answer("hint 2 of 1", kept)
	if !w.Idle() || w.hints.lost != 0 {
		t.Errorf("idle %v, %d lost", w.Idle(), w.hints.lost)
	}
}

func TestNoHintBeforeAQuorumHasIt(t *testing.T) {
	_, s := stored(t, nil)
	s.fails("store 1", foci.Unreachable)
	s.ack("store 2")
	s.asks()
	s.going()
	s.ack("store 3")
	s.asks("hint 2 of 1")
}

func TestHintGoesToTheNextThatHasIt(t *testing.T) {
	w, s := stored(t, nil)
	s.ack("store 2")
	s.ack("store 3")
	s.fails("store 1", foci.Stalled)
	s.asks("hint 2 of 1")
	s.fails("hint 2 of 1", foci.ReadOnly)
	s.asks("hint 3 of 1")
	s.fails("hint 3 of 1", foci.TooLarge)
	s.asks() // nobody is left: comparing groups will find it
	if !w.Idle() || w.hints.lost != 1 {
		t.Errorf("idle %v, %d lost, want 1", w.Idle(), w.hints.lost)
	}
}

func TestHintIsNoVote(t *testing.T) {
	_, s := stored(t, func(c *Config) { c.Level = foci.All })
	s.ack("store 1")
	s.ack("store 2")
	s.fails("store 3", foci.Unreachable)
	_, err := s.m.(*Write).Result()
	s.failed(err, foci.OutcomeUnknown)
	s.asks("hint 1 of 3") // what two have, the third gets
	if strings.Contains(err.Error(), "3 of 3") {
		t.Errorf("a hint was counted: %v", err)
	}
}

func TestNothingIsHintedOfWhatNobodyHas(t *testing.T) {
	w, s := stored(t, nil)
	for _, q := range []string{"store 1", "store 2", "store 3"} {
		s.fails(q, foci.NotReady)
	}
	s.asks()
	if !w.Idle() {
		t.Error("not idle")
	}
}
