package object

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/core/wire"
)

var name = foci.Name{Bucket: "books", Key: "emma"}

func at(t int64) foci.Version { return foci.Version{Time: t, Nonce: 7} }

func rec(op record.Op, v foci.Version, payload string) record.Record {
	r := record.Record{ID: foci.ObjectID(name), Name: name, Payload: []byte(payload)}
	r.Op, r.Version, r.Size = op, v, uint64(len(payload))
	r.Seal()
	return r
}

// recomputed is the vote on a set of records, from its definition.
func recomputed(recs []record.Record) record.Vote {
	recs = slices.SortedFunc(slices.Values(recs), func(a, b record.Record) int { return a.Version.Compare(b.Version) })
	var v record.Vote
	for i := range recs {
		e := &recs[i].Entry
		if e.Op.IsBase() {
			v = record.Vote{Base: e.Version, BaseOp: e.Op}
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
		ops := rapid.SliceOfN(rapid.SampledFrom([]record.Op{record.OpPut, record.OpAppend, record.OpAppend, record.OpAppend, record.OpRemove}), 1, 40).Draw(t, "ops")
		var recs []record.Record
		for i, op := range ops {
			payload := fmt.Sprint(i)
			if op == record.OpRemove {
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
		if _, err := l.Add(rec(record.OpAppend, foci.Version{Time: at, Nonce: 7}, fmt.Sprint(at))); err != nil {
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
	if _, err := l.Add(rec(record.OpPut, at(1), "a")); err != nil {
		t.Fatal(err)
	}
	before := l.Vote()
	for _, r := range []record.Record{rec(record.OpPut, at(1), "b"), rec(record.OpAppend, at(1), "a")} {
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
	none := func(func(record.Entry) bool) {}
	e := rec(record.OpAppend, at(100), "x").Entry
	full := record.Vote{Base: at(1), BaseOp: record.OpPut, Count: record.MaxCount, Newest: at(50)}
	if v, err := Apply(full, &e, none); foci.KindOf(err) != foci.TooLarge || err == nil || v != full {
		t.Fatalf("one append too many: %+v, %v", v, err)
	}
	room := full
	room.Count--
	if v, err := Apply(room, &e, none); err != nil || v.Count != record.MaxCount {
		t.Fatalf("the last append: %+v, %v", v, err)
	}
	put := rec(record.OpPut, at(100), "x").Entry
	if v, err := Apply(full, &put, none); err != nil || v.Count != 1 || v.Base != at(100) {
		t.Fatalf("a put on a full object: %+v, %v", v, err)
	}
	old := rec(record.OpAppend, foci.Version{Time: 0, Nonce: 1}, "x").Entry
	if v, err := Apply(full, &old, none); err != nil || v != full {
		t.Fatalf("an append below the base of a full object: %+v, %v", v, err)
	}

	// Without a base there must be room for one that comes late.
	bare := record.Vote{Count: record.MaxCount - 1, Newest: at(50)}
	if v, err := Apply(bare, &e, none); foci.KindOf(err) != foci.TooLarge || err == nil {
		t.Fatalf("one append too many without a base: %+v, %v", v, err)
	}
}

func TestAdmit(t *testing.T) {
	const now = int64(1000e9)
	watermark := record.Watermark{Version: at(500), Drops: 4}
	raised := watermark.Raise(at(400)) // something older was destroyed: the version stays
	for _, c := range []struct {
		name      string
		op        record.Op
		at        foci.Version
		store     wire.Store
		watermark record.Watermark
		want      foci.Kind // NumKinds: admitted
	}{
		{"above the watermark", record.OpPut, at(501), wire.Store{}, watermark, foci.NumKinds},
		{"at the watermark", record.OpPut, at(500), wire.Store{}, watermark, foci.BelowWatermark},
		{"below the watermark", record.OpAppend, at(499), wire.Store{}, watermark, foci.BelowWatermark},
		{"no watermark yet", record.OpPut, at(1), wire.Store{}, record.Watermark{}, foci.NumKinds},
		{"a client cannot name the watermark", record.OpPut, at(499), wire.Store{Watermark: watermark}, watermark, foci.BelowWatermark},
		{"a repair below the watermark that its reader saw", record.OpPut, at(499), wire.Store{Repair: true, Watermark: watermark}, watermark, foci.NumKinds},
		{"a repair below a watermark that has been raised", record.OpPut, at(499), wire.Store{Repair: true, Watermark: watermark}, raised, foci.BelowWatermark},
		{"a repair above a watermark that has been raised", record.OpPut, at(501), wire.Store{Repair: true, Watermark: watermark}, raised, foci.NumKinds},
		{"a repair from before there was a watermark", record.OpRemove, at(499), wire.Store{Repair: true}, watermark, foci.BelowWatermark},
		{"ahead of the clock", record.OpPut, foci.Version{Time: now + 61e9, Nonce: 1}, wire.Store{}, watermark, foci.ClockAhead},
		{"a repair ahead of the clock", record.OpPut, foci.Version{Time: now + 61e9, Nonce: 1}, wire.Store{Repair: true, Watermark: watermark}, watermark, foci.ClockAhead},
		{"a chunk below the watermark", record.OpChunk, at(1), wire.Store{}, watermark, foci.NumKinds},
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
		op        record.Op
		store     wire.Store
		newest    foci.Version
		watermark foci.Version
		ok        bool
	}{
		{"above the newest version here", record.OpPut, wire.Store{}, before, foci.Version{}, true},
		{"an append below it", record.OpAppend, wire.Store{}, ahead.Next(), foci.Version{}, true},
		{"too far above it", record.OpPut, wire.Store{}, older, foci.Version{}, false},
		{"above the watermark here", record.OpPut, wire.Store{}, foci.Version{}, before, true},
		{"above what another owner holds", record.OpRemove, told(before.Time), foci.Version{}, foci.Version{}, true},
		{"too far above that", record.OpRemove, told(older.Time), foci.Version{}, foci.Version{}, false},
		{"a repair of what another owner holds", record.OpPut, wire.Store{Repair: true, Evidence: version.Evidence{Held: ahead.Time}}, foci.Version{}, foci.Version{}, true},
		{"a chunk that another owner holds", record.OpChunk, told(ahead.Time), foci.Version{}, foci.Version{}, true},
	} {
		c.store.Record = rec(c.op, ahead, "")
		err := Admit(&c.store, c.newest, record.Watermark{Version: c.watermark}, now)
		if (err == nil) != c.ok || err != nil && foci.KindOf(err) != foci.ClockAhead {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// lie is a record that claims the highest time that there is room for, and that
// no owner holds.
func lie(op record.Op) wire.Store {
	return wire.Store{Seen: foci.MaxTime - 3, Record: rec(op, at(foci.MaxTime-2), "")}
}

func TestSeenIsNoEvidence(t *testing.T) {
	s := lie(record.OpRemove)
	if err := Admit(&s, at(5), record.Watermark{}, 1000e9); err == nil || foci.KindOf(err) != foci.ClockAhead {
		t.Fatalf("a remove at the end of time, of one that claims to have seen it: %v", err)
	}
}

func TestRepairIsNoEvidence(t *testing.T) {
	s := lie(record.OpRemove)
	s.Repair = true
	if err := Admit(&s, at(5), record.Watermark{}, 1000e9); err == nil || foci.KindOf(err) != foci.ClockAhead {
		t.Fatalf("a forged repair at the end of time: %v", err)
	}
}

func TestChunkTimesAreChecked(t *testing.T) {
	s := lie(record.OpChunk)
	if err := Admit(&s, at(5), record.Watermark{}, 1000e9); err == nil || foci.KindOf(err) != foci.ClockAhead {
		t.Fatalf("a chunk at the end of time: %v", err)
	}
}
