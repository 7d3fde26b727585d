package quorum

import (
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

func TestRefusedRepairAsksAnew(t *testing.T) {
	r, s := differing(t, nil)
	s.page("log 1", false, base, late)
	s.page("log 2", false, base)
	s.page("fetch 1", false, late)
	s.fails("repair 2", foci.BelowWatermark)
	s.fresh = nil
	s.vote("query 1", record.Vote{}) // destroyed meanwhile
	s.vote("query 2", record.Vote{})
	s.ended()
	if f, err := r.Result(); err != nil || f.Vote.Exists() {
		t.Fatal(f, err)
	}
}

// TestVoteOlderThanTheWatermarkBesideIt: group 1 votes before the remove reaches it.
// When group 2 votes, all groups have had the tombstone, and group 2 has
// destroyed it. Nothing in the two votes speaks of it but the watermark.
func TestVoteOlderThanTheWatermarkBesideIt(t *testing.T) {
	watermark := record.Watermark{Version: at(150), Drops: 1}
	r, s := read(t, nil)
	s.vote("query 1", voteOf(base))
	s.vote("query 2", record.Vote{Watermark: watermark})
	s.page("log 1", false, base)
	s.asks("query 1", "query 2", "log 1", "log 2")
	s.page("log 2", false)
	s.asks("query 1", "query 2") // anew: what they say now is newer than the watermark
	s.vote("query 1", voteOf(rec(record.OpRemove, 150, "")))
	s.vote("query 2", record.Vote{Watermark: watermark})
	s.page("log 1", false, rec(record.OpRemove, 150, ""))
	s.page("log 2", false)
	s.page("fetch 1", false, rec(record.OpRemove, 150, ""))
	s.ack("repair 2")
	s.found(r, []foci.Group{1, 2}, rec(record.OpRemove, 150, ""))
}

// TestLiveBelowTheWatermark: the watermark is of other objects of the range. Once the
// votes are newer than it, what group 2 lacks is written back.
func TestLiveBelowTheWatermark(t *testing.T) {
	watermark := record.Watermark{Version: at(150), Drops: 1}
	r, s := read(t, nil)
	for range 2 {
		s.vote("query 1", voteOf(base))
		s.vote("query 2", record.Vote{Watermark: watermark})
		s.page("log 1", false, base)
		s.page("log 2", false)
	}
	s.page("fetch 1", false, base)
	if got := s.pending("repair 2").Msg.(*wire.Store).Watermark; got != watermark {
		t.Fatalf("the repair names the watermark %+v", got)
	}
	s.ack("repair 2")
	s.found(r, []foci.Group{1, 2}, base)
}

// TestWatermarkThatRisesBetweenTwoVotes is the same once more, with something else
// destroyed meanwhile: again nothing is known.
func TestWatermarkThatRisesBetweenTwoVotes(t *testing.T) {
	_, s := read(t, nil)
	for drops := range uint64(3) {
		s.asks("query 1", "query 2")
		s.vote("query 1", voteOf(base))
		s.vote("query 2", record.Vote{Watermark: record.Watermark{Version: at(150), Drops: 1 + drops}})
		s.asks("log 1", "log 2")
		s.page("log 1", false, base)
		s.page("log 2", false)
	}
	s.asks("query 1", "query 2")
}

// TestWhatIsAboveTheWatermarkNeedsNoSecondVote: nothing that was destroyed can
// have been newer.
func TestWhatIsAboveTheWatermarkNeedsNoSecondVote(t *testing.T) {
	_, s := read(t, nil)
	s.vote("query 1", voteOf(base))
	s.vote("query 2", record.Vote{Watermark: record.Watermark{Version: at(99), Drops: 1}})
	s.page("log 1", false, base)
	s.page("log 2", false)
	s.asks("query 1", "query 2", "log 1", "log 2", "fetch 1")
}
