package object

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/core/wire"
)

var name = foci.Name{Bucket: "books", Key: "emma"}

func at(t int64) foci.Version { return foci.Version{Time: t, Nonce: 7} }

func rec(op wire.Op, v foci.Version, payload string) wire.Record {
	r := wire.Record{ID: foci.ObjectID(name), Name: name, Payload: []byte(payload)}
	r.Op, r.Version, r.Size = op, v, uint64(len(payload))
	r.Seal()
	return r
}

// recomputed is the vote on a set of records, from its definition.
func recomputed(recs []wire.Record) wire.Vote {
	recs = slices.SortedFunc(slices.Values(recs), func(a, b wire.Record) int { return a.Version.Compare(b.Version) })
	var v wire.Vote
	for i := range recs {
		e := &recs[i].Entry
		if e.Op.IsBase() {
			v = wire.Vote{Base: e.Version, BaseOp: e.Op}
		}
		v.Count++
		v.Sum = v.Sum.Add(e.Sum())
		v.Size += e.Size
		v.Newest = e.Version
	}
	return v
}

// TestAnyOrderGivesTheSameVote inserts a random log in a random order; after
// each record the vote must be what a recomputation says.
func TestAnyOrderGivesTheSameVote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ops := rapid.SliceOfN(rapid.SampledFrom([]wire.Op{wire.OpPut, wire.OpAppend, wire.OpAppend, wire.OpAppend, wire.OpRemove}), 1, 40).Draw(t, "ops")
		var recs []wire.Record
		for i, op := range ops {
			payload := fmt.Sprint(i)
			if op == wire.OpRemove {
				payload = ""
			}
			recs = append(recs, rec(op, foci.Version{Time: int64(1 + i/2), Nonce: uint64(1 + i)}, payload))
		}
		recs = rapid.Permutation(recs).Draw(t, "order")
		var l Log
		for i := range recs {
			if dup, err := l.Add(recs[i]); dup || err != nil {
				t.Fatal(dup, err)
			}
			if got, want := l.Vote(), recomputed(recs[:i+1]); got != want {
				t.Fatalf("after %d records: %+v, want %+v", i+1, got, want)
			}
		}
		for i := range recs { // again: nothing changes
			if dup, err := l.Add(recs[i]); !dup || err != nil {
				t.Fatal(dup, err)
			}
		}
		if got, want := l.Vote(), recomputed(recs); got != want || l.Len() != len(recs) {
			t.Fatalf("after repeating all: %+v of %d, want %+v", got, l.Len(), want)
		}
	})
}

func TestLog(t *testing.T) {
	var l Log
	for _, at := range []int64{30, 10, 20} {
		if _, err := l.Add(rec(wire.OpAppend, foci.Version{Time: at, Nonce: 7}, fmt.Sprint(at))); err != nil {
			t.Fatal(err)
		}
	}
	if r, ok := l.Get(at(20)); !ok || string(r.Payload) != "20" {
		t.Fatal(r, ok)
	}
	if _, ok := l.Get(at(25)); ok {
		t.Fatal("a version that was never added is there")
	}
	for from, want := range map[int64]int{0: 3, 10: 3, 11: 2, 30: 1, 31: 0} {
		if got := l.From(at(from)); len(got) != want {
			t.Errorf("from %d on: %d records, want %d", from, len(got), want)
		}
	}
}

func TestOneVersionTwoContents(t *testing.T) {
	var l Log
	if _, err := l.Add(rec(wire.OpPut, at(1), "a")); err != nil {
		t.Fatal(err)
	}
	before := l.Vote()
	for _, r := range []wire.Record{rec(wire.OpPut, at(1), "b"), rec(wire.OpAppend, at(1), "a")} {
		if _, err := l.Add(r); foci.KindOf(err) != foci.Conflict || err == nil {
			t.Fatalf("%v with %q: %v, want Conflict", r.Op, r.Payload, err)
		}
	}
	if l.Vote() != before || l.Len() != 1 {
		t.Fatal("the refused transaction has changed the object")
	}
}

// TestTooManyAppends is at the limit of what a replica holds, which no test can
// fill: the vote is put there.
func TestTooManyAppends(t *testing.T) {
	none := func(func(wire.Entry) bool) {}
	e := rec(wire.OpAppend, at(100), "x").Entry
	full := wire.Vote{Base: at(1), BaseOp: wire.OpPut, Count: wire.MaxCount, Newest: at(50)}
	if v, err := Apply(full, &e, none); foci.KindOf(err) != foci.TooLarge || err == nil || v != full {
		t.Fatalf("one append too many: %+v, %v", v, err)
	}
	room := full
	room.Count--
	if v, err := Apply(room, &e, none); err != nil || v.Count != wire.MaxCount {
		t.Fatalf("the last append: %+v, %v", v, err)
	}
	put := rec(wire.OpPut, at(100), "x").Entry
	if v, err := Apply(full, &put, none); err != nil || v.Count != 1 || v.Base != at(100) {
		t.Fatalf("a put on a full object: %+v, %v", v, err)
	}
	old := rec(wire.OpAppend, foci.Version{Time: 0, Nonce: 1}, "x").Entry
	if v, err := Apply(full, &old, none); err != nil || v != full {
		t.Fatalf("an append below the base of a full object: %+v, %v", v, err)
	}

	// Without a base there must be room for one that comes late.
	bare := wire.Vote{Count: wire.MaxCount - 1, Newest: at(50)}
	if v, err := Apply(bare, &e, none); foci.KindOf(err) != foci.TooLarge || err == nil {
		t.Fatalf("one append too many without a base: %+v, %v", v, err)
	}
}

func TestAdmit(t *testing.T) {
	const now = int64(1000e9)
	watermark := wire.Watermark{Version: at(500), Drops: 4}
	raised := watermark.Raise(at(400)) // something older was destroyed: the version stays
	for _, c := range []struct {
		name      string
		op        wire.Op
		at        foci.Version
		store     wire.Store
		watermark wire.Watermark
		want      foci.Kind // NumKinds: admitted
	}{
		{"above the watermark", wire.OpPut, at(501), wire.Store{}, watermark, foci.NumKinds},
		{"at the watermark", wire.OpPut, at(500), wire.Store{}, watermark, foci.BelowWatermark},
		{"below the watermark", wire.OpAppend, at(499), wire.Store{}, watermark, foci.BelowWatermark},
		{"no watermark yet", wire.OpPut, at(1), wire.Store{}, wire.Watermark{}, foci.NumKinds},
		{"a client cannot name the watermark", wire.OpPut, at(499), wire.Store{Watermark: watermark}, watermark, foci.BelowWatermark},
		{"a repair below the watermark that its reader saw", wire.OpPut, at(499), wire.Store{Repair: true, Watermark: watermark}, watermark, foci.NumKinds},
		{"a repair below a watermark that has been raised", wire.OpPut, at(499), wire.Store{Repair: true, Watermark: watermark}, raised, foci.BelowWatermark},
		{"a repair above a watermark that has been raised", wire.OpPut, at(501), wire.Store{Repair: true, Watermark: watermark}, raised, foci.NumKinds},
		{"a repair from before there was a watermark", wire.OpRemove, at(499), wire.Store{Repair: true}, watermark, foci.BelowWatermark},
		{"ahead of the clock", wire.OpPut, foci.Version{Time: now + 61e9, Nonce: 1}, wire.Store{}, watermark, foci.ClockAhead},
		{"a repair ahead of the clock", wire.OpPut, foci.Version{Time: now + 61e9, Nonce: 1}, wire.Store{Repair: true, Watermark: watermark}, watermark, foci.ClockAhead},
		{"a chunk below the watermark", wire.OpChunk, at(1), wire.Store{}, watermark, foci.NumKinds},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.store.Record = rec(c.op, c.at, "")
			err := Admit(&c.store, foci.Version{}, c.watermark, now)
			if c.want == foci.NumKinds && err != nil || c.want != foci.NumKinds && (err == nil || foci.KindOf(err) != c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
}

// TestAdmitEvidence: a time that is ahead of the clock needs an owner that holds
// one as high. This replica is one of them.
func TestAdmitEvidence(t *testing.T) {
	const now = int64(1000e9)
	ahead := foci.Version{Time: now + 100e9, Nonce: 9}
	before := foci.Version{Time: ahead.Time - 1, Nonce: 3}
	older := foci.Version{Time: ahead.Time - 2, Nonce: 3}
	told := func(t int64) wire.Store { return wire.Store{Evidence: version.Evidence{Held: t}} }
	for _, c := range []struct {
		name      string
		op        wire.Op
		store     wire.Store
		newest    foci.Version
		watermark foci.Version
		ok        bool
	}{
		{"above the newest version here", wire.OpPut, wire.Store{}, before, foci.Version{}, true},
		{"an append below it", wire.OpAppend, wire.Store{}, ahead.Next(), foci.Version{}, true},
		{"too far above it", wire.OpPut, wire.Store{}, older, foci.Version{}, false},
		{"above the watermark here", wire.OpPut, wire.Store{}, foci.Version{}, before, true},
		{"above what another owner holds", wire.OpRemove, told(before.Time), foci.Version{}, foci.Version{}, true},
		{"too far above that", wire.OpRemove, told(older.Time), foci.Version{}, foci.Version{}, false},
		{"a repair of what another owner holds", wire.OpPut, wire.Store{Repair: true, Evidence: version.Evidence{Held: ahead.Time}}, foci.Version{}, foci.Version{}, true},
		{"a chunk that another owner holds", wire.OpChunk, told(ahead.Time), foci.Version{}, foci.Version{}, true},
	} {
		c.store.Record = rec(c.op, ahead, "")
		err := Admit(&c.store, c.newest, wire.Watermark{Version: c.watermark}, now)
		if (err == nil) != c.ok || err != nil && foci.KindOf(err) != foci.ClockAhead {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// lie is a record that claims the highest time that there is room for, and that
// no owner holds.
func lie(op wire.Op) wire.Store {
	return wire.Store{Seen: foci.MaxTime - 3, Record: rec(op, at(foci.MaxTime-2), "")}
}

func TestSeenIsNoEvidence(t *testing.T) {
	s := lie(wire.OpRemove)
	if err := Admit(&s, at(5), wire.Watermark{}, 1000e9); err == nil || foci.KindOf(err) != foci.ClockAhead {
		t.Fatalf("a remove at the end of time, of one that claims to have seen it: %v", err)
	}
}

func TestRepairIsNoEvidence(t *testing.T) {
	s := lie(wire.OpRemove)
	s.Repair = true
	if err := Admit(&s, at(5), wire.Watermark{}, 1000e9); err == nil || foci.KindOf(err) != foci.ClockAhead {
		t.Fatalf("a forged repair at the end of time: %v", err)
	}
}

func TestChunkTimesAreChecked(t *testing.T) {
	s := lie(wire.OpChunk)
	if err := Admit(&s, at(5), wire.Watermark{}, 1000e9); err == nil || foci.KindOf(err) != foci.ClockAhead {
		t.Fatalf("a chunk at the end of time: %v", err)
	}
}
