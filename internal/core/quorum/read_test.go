package quorum

import (
	"slices"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// The object of these stories: a put and two appends.
var (
	base  = rec(record.OpPut, 100, "base")
	early = rec(record.OpAppend, 200, "early")
	late  = rec(record.OpAppend, 300, "late")
)

func read(t *testing.T, change func(*Config)) (*Read, *story) {
	cfg := config()
	if change != nil {
		change(&cfg)
	}
	r := NewRead(cfg, base.ID, 1<<10)
	return r, begin(t, r)
}

// found expects the read to have succeeded with this content.
func (s *story) found(r *Read, holders []foci.Group, recs ...record.Record) {
	s.t.Helper()
	s.ended()
	f, err := r.Result()
	if err != nil {
		s.t.Fatal(err)
	}
	want := voteOf(recs...)
	if !f.Vote.Same(&want) || f.Vote.Size != want.Size || f.Vote.BaseOp != want.BaseOp {
		s.t.Fatalf("found %+v, want %+v", f.Vote, want)
	}
	if !slices.Equal(f.Holders, holders) {
		s.t.Fatalf("holders %v, want %v", f.Holders, holders)
	}
}

func TestVotesThatAgree(t *testing.T) {
	r, s := read(t, nil)
	s.asks("query 1", "query 2")
	s.vote("query 2", voteOf(base, late))
	s.going()
	s.vote("query 1", voteOf(base, late))
	s.asks()
	s.found(r, []foci.Group{1, 2}, base, late)
}

func TestNoSuchObject(t *testing.T) {
	r, s := read(t, nil)
	s.vote("query 1", record.Vote{})
	s.vote("query 2", record.Vote{})
	s.ended()
	if f, err := r.Result(); err != nil || f.Vote.Exists() {
		t.Fatal(f, err)
	}
}

func TestInline(t *testing.T) {
	sound := wire.QueryReply{Epoch: 1, Vote: voteOf(base), Inline: true, Entry: base.Entry}
	otherEntry, otherVote := sound, sound
	otherEntry.Entry = rec(record.OpPut, 100, "fake").Entry
	otherVote.Vote = voteOf(base, late)
	for _, c := range []struct {
		name string
		m    wire.QueryReply
		body string
		want bool
	}{
		{"the whole content", sound, "base", true},
		{"damaged content", sound, "bose", false},
		{"another transaction of that version", otherEntry, "fake", false},
		{"one record of several", otherVote, "base", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, s := read(t, nil)
			if q := s.pending("query 1").Msg.(*wire.Query); q.Inline != 1<<10 {
				t.Fatalf("the nearest group is asked for %d bytes", q.Inline)
			}
			if q := s.pending("query 2").Msg.(*wire.Query); q.Inline != 1 {
				t.Fatalf("the second group is asked for %d bytes: want 1, so that it wants the right to read", q.Inline)
			}
			s.answer("query 1", Answer{Msg: &c.m, Body: []byte(c.body)})
			s.vote("query 2", c.m.Vote)
			s.ended()
			f, err := r.Result()
			if err != nil || f.Inline != c.want || f.Inline && string(f.Payload) != "base" {
				t.Fatalf("%+v, %v", f, err)
			}
		})
	}
}

func TestWhatOneVoterLacksIsWrittenBack(t *testing.T) {
	r, s := read(t, nil)
	watermark := record.Watermark{Version: at(50), Drops: 3}
	behind := voteOf(base)
	behind.Watermark = watermark
	s.vote("query 1", voteOf(base, late))
	s.vote("query 2", behind)
	s.asks("query 1", "query 2", "log 1", "log 2")
	s.page("log 1", false, base, late)
	s.page("log 2", false, base)
	s.asks("fetch 1")
	s.page("fetch 1", false, late)
	s.asks("repair 2")
	m := s.pending("repair 2").Msg.(*wire.Store)
	if m.Record.Version != late.Version || string(m.Record.Payload) != "late" || m.Watermark != watermark {
		t.Fatalf("written back: %+v", m)
	}
	s.going()
	s.ack("repair 2")
	s.found(r, []foci.Group{1, 2}, base, late)
}

func TestOverlappingAppendsMeetInTheUnion(t *testing.T) {
	r, s := read(t, nil)
	s.vote("query 1", voteOf(base, late)) // newest alike or not: each lacks one
	s.vote("query 2", voteOf(base, early))
	s.page("log 1", false, base, late)
	s.page("log 2", false, base, early)
	s.fresh = nil
	s.page("fetch 2", false, early)
	s.page("fetch 1", false, late)
	s.asks("repair 1", "repair 2")
	s.ack("repair 1")
	s.going()
	s.ack("repair 2")
	s.found(r, []foci.Group{1, 2}, base, early, late)
}

func TestSameNewestDifferentBelow(t *testing.T) {
	r, s := read(t, nil)
	s.vote("query 1", voteOf(base, late))
	s.vote("query 2", voteOf(base, early, late))
	s.page("log 1", false, base, late)
	s.page("log 2", false, base, early, late)
	s.page("fetch 2", false, early)
	s.ack("repair 1")
	s.found(r, []foci.Group{1, 2}, base, early, late)
}

func TestOlderBaseIsHistory(t *testing.T) {
	older := rec(record.OpPut, 10, "older")
	r, s := read(t, nil)
	s.vote("query 1", voteOf(older, rec(record.OpAppend, 20, "lost with it")))
	s.vote("query 2", voteOf(base))
	if f := s.pending("log 1").Msg.(*wire.Fetch); f.From != base.Version || f.To != base.Version {
		t.Fatalf("log asked from %v to %v", f.From, f.To)
	}
	s.page("log 1", false)
	s.page("log 2", false, base)
	s.page("fetch 2", false, base)
	s.ack("repair 1")
	s.found(r, []foci.Group{1, 2}, base)
}

func TestTombstoneIsWrittenBack(t *testing.T) {
	gone := rec(record.OpRemove, 400, "")
	r, s := read(t, nil)
	s.vote("query 1", voteOf(base))
	s.vote("query 2", voteOf(gone))
	s.page("log 1", false)
	s.page("log 2", false, gone)
	s.page("fetch 2", false, gone)
	s.ack("repair 1")
	s.found(r, []foci.Group{1, 2}, gone)
	if f, _ := r.Result(); f.Vote.Exists() {
		t.Fatal("a removed object exists")
	}
}

// TestLongLogsArePaged has two logs longer than an answer; one of them lacks
// an append on its second page.
func TestLongLogsArePaged(t *testing.T) {
	all := []record.Record{base}
	for i := range int64(wire.MaxFetchEntries + 10) {
		all = append(all, rec(record.OpAppend, 1000+i, "x"))
	}
	missing := len(all) - 5
	short := slices.Concat(all[:missing], all[missing+1:])
	r, s := read(t, nil)
	s.vote("query 1", voteOf(all...))
	s.vote("query 2", voteOf(short...))
	s.page("log 1", true, all[:wire.MaxFetchEntries]...)
	s.page("log 2", true, short[:wire.MaxFetchEntries]...)
	s.asks("query 1", "query 2", "log 1", "log 2", "log 1", "log 2")
	if f := s.pending("log 1").Msg.(*wire.Fetch); !all[wire.MaxFetchEntries-1].Version.Less(f.From) || all[wire.MaxFetchEntries].Version.Less(f.From) {
		t.Fatalf("the second page begins at %v", f.From)
	}
	s.page("log 1", false, all[wire.MaxFetchEntries:]...)
	s.page("log 2", false, short[wire.MaxFetchEntries:]...)
	s.page("fetch 1", false, all[missing])
	s.ack("repair 2")
	s.found(r, []foci.Group{1, 2}, all...)
}

func TestFewCopiesAtATime(t *testing.T) {
	all := []record.Record{base}
	for i := range int64(20) {
		all = append(all, rec(record.OpAppend, 1000+i, "x"))
	}
	r, s := read(t, nil)
	s.vote("query 1", voteOf(all...))
	s.vote("query 2", voteOf(base))
	s.page("log 1", false, all...)
	s.page("log 2", false, base)
	for _, a := range all[1:] {
		if n := len(s.open); n > maxCopies {
			t.Fatalf("%d copies under way, at most %d", n, maxCopies)
		}
		s.page("fetch 1", false, a)
		s.ack("repair 2")
	}
	s.found(r, []foci.Group{1, 2}, all...)
}

// differing is a read whose voters 1 and 2 have voted, and differ.
func differing(t *testing.T, change func(*Config)) (*Read, *story) {
	r, s := read(t, change)
	s.vote("query 1", voteOf(base, late))
	s.vote("query 2", voteOf(base))
	s.asks("query 1", "query 2", "log 1", "log 2")
	return r, s
}

func TestVoterThatFailsInTheWriteBackIsAskedLast(t *testing.T) {
	r, s := differing(t, nil)
	s.fails("log 2", foci.NotReady)
	s.asks("query 1", "query 3")
	s.page("log 1", false, base, late) // of the phase before
	s.asks()
	s.vote("query 1", voteOf(base, late))
	s.vote("query 3", voteOf(base, late))
	s.found(r, []foci.Group{1, 3}, base, late)
}

func TestSilentVoterIsNotWaitedForUntilTheDeadline(t *testing.T) {
	r, s := differing(t, nil)
	s.page("log 1", false, base, late)
	s.passes(leastPatience - time.Nanosecond)
	s.asks()
	s.passes(time.Nanosecond)
	s.asks("query 1", "query 3")
	s.vote("query 1", voteOf(base, late))
	s.vote("query 3", voteOf(base, late))
	s.found(r, []foci.Group{1, 3}, base, late)
}

func TestProgressRenewsThePatience(t *testing.T) {
	_, s := differing(t, nil)
	s.passes(leastPatience / 2)
	s.page("log 1", false, base, late)
	s.passes(leastPatience / 2)
	s.asks()
	s.passes(leastPatience / 2)
	s.asks("query 1", "query 3")
}

func TestWithNobodyElseToAskTheSilentVoterIsAwaited(t *testing.T) {
	r, s := read(t, func(c *Config) { c.Level = foci.All })
	s.vote("query 1", voteOf(base))
	s.vote("query 2", voteOf(base))
	s.vote("query 3", voteOf(base, late))
	s.fresh = nil
	s.passes(deadline - time.Nanosecond)
	s.asks()
	s.going()
	s.passes(time.Nanosecond)
	_, err := r.Result()
	s.failed(err, foci.NoQuorum)
}

// TestHostilePages is a replica that answers nonsense for ever: the read asks
// the others, and ends.
func TestHostilePages(t *testing.T) {
	foreign := rec(record.OpAppend, 900, "newer than any vote")
	torn := late
	torn.Payload = []byte("torn")
	for _, c := range []struct {
		name   string
		answer func(*story)
	}{
		{"out of order", func(s *story) { s.page("log 1", false, late, base) }},
		{"twice the same", func(s *story) { s.page("log 1", false, base, base) }},
		{"before the beginning", func(s *story) { s.page("log 1", false, rec(record.OpPut, 1, "old"), base) }},
		{"beyond the end", func(s *story) { s.page("log 1", false, base, foreign) }},
		{"empty, with more to come", func(s *story) { s.page("log 1", true) }},
		{"not a page", func(s *story) { s.ack("log 1") }},
		{"of another epoch", func(s *story) { s.epoch = 9; s.page("log 1", false, base, late); s.epoch = 1 }},
		{"the log in the place of an acknowledgement", func(s *story) {
			s.page("log 1", false, base, late)
			s.page("log 2", false, base)
			s.page("fetch 1", false, late)
			s.answer("repair 2", Answer{Msg: &wire.FetchReply{Epoch: 1, Name: name, Entries: []wire.FetchedEntry{{Entry: late.Entry, Bytes: late.Length}}}, Body: late.Payload})
		}},
		{"an acknowledgement in the place of content", func(s *story) {
			s.page("log 1", false, base, late)
			s.page("log 2", false, base)
			s.ack("fetch 1")
		}},
		{"damaged content", func(s *story) {
			s.page("log 1", false, base, late)
			s.page("log 2", false, base)
			s.page("fetch 1", false, torn)
		}},
		{"content that is not there any more", func(s *story) {
			s.page("log 1", false, base, late)
			s.page("log 2", false, base)
			s.page("fetch 1", false)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, s := differing(t, func(cfg *Config) { cfg.Plan.Groups = []foci.Group{1, 2} })
			for range maxRestarts {
				c.answer(s)
				s.going()
				s.vote("query 1", voteOf(base, late))
				s.vote("query 2", voteOf(base))
			}
			c.answer(s)
			_, err := r.Result()
			s.failed(err, foci.NoQuorum)
		})
	}
}

// TestEndlessLog is a replica whose log goes on for ever: little is under way
// at any time, and the deadline ends it.
func TestEndlessLog(t *testing.T) {
	r, s := read(t, nil)
	endless := voteOf(base)
	endless.Newest = at(1 << 40)
	s.vote("query 1", endless)
	s.vote("query 2", record.Vote{})
	s.page("log 2", false)
	for i := range int64(1000) {
		next := rec(record.OpPut, base.Version.Time+i, "base")
		s.page("log 1", true, next)
		s.page("fetch 1", false, next)
		s.ack("repair 2")
		if len(s.open) > 1 {
			t.Fatalf("%d questions open", len(s.open))
		}
	}
	s.going()
	s.passes(deadline)
	_, err := r.Result()
	s.failed(err, foci.NoQuorum)
}

func TestReadBeginsAnewWithANewLayout(t *testing.T) {
	r, s := differing(t, nil)
	s.answer("log 2", Answer{Err: foci.Errorf(foci.StaleLayout, "epoch 3"), Epoch: 3})
	s.asks()
	if s.layout != 3 {
		t.Fatalf("asked for layout %d", s.layout)
	}
	s.take(s.m.Replan(s.now, Plan{Epoch: 3, Groups: []foci.Group{2, 3, 1}}))
	s.epoch = 3
	s.asks("query 2", "query 3")
	s.vote("query 2", voteOf(base, late))
	s.vote("query 3", voteOf(base, late))
	s.found(r, []foci.Group{2, 3}, base, late)
}

// TestDeniedReadSaysSo: for a right that is lacking no quorum is to be waited for.
func TestDeniedReadSaysSo(t *testing.T) {
	r, s := read(t, nil)
	s.fails("query 1", foci.Denied)
	s.fails("query 2", foci.Denied)
	s.fails("query 3", foci.Denied)
	_, err := r.Result()
	s.failed(err, foci.Denied)
}

func TestReadDeadline(t *testing.T) {
	r, s := read(t, nil)
	s.vote("query 1", voteOf(base))
	s.passes(hedge)
	s.passes(deadline - hedge)
	_, err := r.Result()
	s.failed(err, foci.NoQuorum)
	s.vote("query 2", voteOf(base)) // too late
	s.ended()
}

func TestReadLevelOne(t *testing.T) {
	r, s := read(t, func(c *Config) { c.Level = foci.One })
	s.asks("query 1")
	s.passes(hedge)
	s.asks("query 2")
	s.vote("query 2", voteOf(base))
	s.found(r, []foci.Group{2}, base)
}
