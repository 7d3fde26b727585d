package quorum

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// denied is a read of a caller that may not write, up to the denial: group 1 has
// an append that group 2 lacks.
func denied(t *testing.T) (*Read, *story) {
	r, s := differing(t, nil)
	s.page("log 1", false, base, late)
	s.page("log 2", false, base)
	s.page("fetch 1", false, late)
	s.fails("repair 2", foci.Denied)
	s.asks("fetch 1", "repair 2", "bring 1 to 2")
	return r, s
}

func (s *story) brought(what string) {
	s.t.Helper()
	s.answer(what, Answer{Msg: &wire.HintReply{Epoch: s.epoch}})
}

// TestReaderThatMayNotWrite: the voter that has the append brings it to the one
// that lacks it, and only votes that agree answer the caller.
func TestReaderThatMayNotWrite(t *testing.T) {
	r, s := denied(t)
	s.brought("bring 1 to 2")
	s.going()
	s.asks("query 1", "query 2")
	s.vote("query 1", voteOf(base, late))
	s.vote("query 2", voteOf(base, late))
	s.found(r, []foci.Group{1, 2}, base, late)
}

// TestBroughtIsNotBelieved: whatever the voter says, votes that still differ
// begin it anew.
func TestBroughtIsNotBelieved(t *testing.T) {
	_, s := denied(t)
	s.brought("bring 1 to 2")
	s.fresh = nil
	s.vote("query 1", voteOf(base, late))
	s.vote("query 2", voteOf(base))
	s.asks("log 1", "log 2")
	s.going()
}

func TestVoterThatCannotBring(t *testing.T) {
	for name, fail := range map[string]func(s *story){
		"it fails":         func(s *story) { s.fails("bring 1 to 2", foci.Unreachable) },
		"nonsense":         func(s *story) { s.ack("bring 1 to 2") },
		"silent":           func(s *story) { s.passes(leastPatience) },
		"of another epoch": func(s *story) { s.answer("bring 1 to 2", Answer{Msg: &wire.HintReply{Epoch: 9}}) },
	} {
		r, s := denied(t)
		fail(s)
		if len(s.fresh) != 2 || s.fresh[0] != "query 3" && s.fresh[1] != "query 3" {
			t.Errorf("%s: asks %v, want the third group among them", name, s.fresh)
		}
		s.passes(deadline)
		_, err := r.Result()
		s.failed(err, foci.NoQuorum)
	}
}

// TestNeitherReadNorWrite: a caller that the voter denies even that gets the
// denial.
func TestNeitherReadNorWrite(t *testing.T) {
	r, s := denied(t)
	s.fails("bring 1 to 2", foci.Denied)
	_, err := r.Result()
	s.failed(err, foci.Denied)
}

// TestNewLayoutWhileBringing: groups may be others; all begins anew.
func TestNewLayoutWhileBringing(t *testing.T) {
	r, s := denied(t)
	s.answer("bring 1 to 2", Answer{Err: foci.Errorf(foci.StaleLayout, "stale"), Epoch: 2})
	if s.layout != 2 {
		t.Fatalf("asks for layout %d", s.layout)
	}
	s.epoch = 2
	s.take(s.m.Replan(s.now+time.Millisecond, Plan{Epoch: 2, Groups: []foci.Group{1, 2, 3}}))
	s.asks("query 1", "query 2")
	s.vote("query 1", voteOf(base))
	s.vote("query 2", voteOf(base))
	s.found(r, []foci.Group{1, 2}, base)
}
