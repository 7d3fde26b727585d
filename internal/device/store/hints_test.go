package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/device/store/storetest"
	"github.com/foci-store/foci/internal/device/vfs"
)

// putHinted stores an object and is a hint for it.
func putHinted(t *testing.T, b *Backend, i int, g foci.Group) Hint {
	t.Helper()
	r := storetest.Record(record.OpPut, fmt.Sprintf("key-%d", i), int64(100+i), []byte("content"), nil)
	if _, err := storetest.Put(b, r); err != nil {
		t.Fatal(err)
	}
	return Hint{g, r.ID}
}

func hint(b *Backend, k Hint) error {
	done := make(chan error, 1)
	b.Hint(k, share.Who{Member: true}, func(err error) { done <- err })
	return <-done
}

// wantHints compares what is kept, in the index and in the count.
func wantHints(t *testing.T, b *Backend, want ...Hint) {
	t.Helper()
	var got []Hint
	for after := (Hint{}); ; after = got[len(got)-1] {
		page, err := b.Hints(after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
	}
	slices.SortFunc(want, func(a, b Hint) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), bytes.Compare(a.ID[:], b.ID[:]))
	})
	if n := b.Stats().Hints; !slices.Equal(got, want) || n != len(want) {
		t.Errorf("hints are %v, %d counted; want %v", got, n, want)
	}
}

// follow follows a hint to its end and waits until it is dropped.
func follow(t *testing.T, b *Backend, k Hint, brought bool) {
	t.Helper()
	end := b.Follow(k)
	if end == nil {
		t.Fatalf("hint %v cannot be followed", k)
	}
	end(brought)
	_ = b.control(watermarkRecord(0, 0, foci.Version{Time: 1})) // what was queued before is in the index then
}

func TestHintsAreKept(t *testing.T) {
	fs := vfs.NewCrashable()
	b := open(t, testOptions(fs))
	one, two, other := putHinted(t, b, 1, 2), putHinted(t, b, 2, 2), putHinted(t, b, 1, 3)
	for range 3 { // one, however often it is given
		for _, k := range []Hint{one, two, other} {
			if err := hint(b, k); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantHints(t, b, one, two, other)
	if err := hint(b, Hint{2, foci.ID{9}}); foci.KindOf(err) != foci.NotFound {
		t.Errorf("a hint for nothing: %v", err)
	}
	follow(t, b, two, true)
	follow(t, b, other, false)
	wantHints(t, b, one, other)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = open(t, testOptions(fs))
	wantHints(t, b, one, other)
	if err := errors.Join(b.Close(), fs.RemoveAll("/backend/index")); err != nil {
		t.Fatal(err)
	}
	b = open(t, testOptions(fs)) // the log alone tells
	wantHints(t, b, one, other)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestHintGivenWhileFollowed is why a hint is not simply removed: whoever
// follows it may have compared before that which it was given again for.
func TestHintGivenWhileFollowed(t *testing.T) {
	b := open(t, testOptions(vfs.NewCrashable()))
	k := putHinted(t, b, 1, 2)
	if err := hint(b, k); err != nil {
		t.Fatal(err)
	}
	end := b.Follow(k)
	if b.Follow(k) != nil {
		t.Error("two follow one hint")
	}
	if err := hint(b, k); err != nil {
		t.Fatal(err)
	}
	end(true)
	wantHints(t, b, k)
	follow(t, b, k, true)
	wantHints(t, b)
	if err := hint(b, k); err != nil { // as good as new
		t.Fatal(err)
	}
	wantHints(t, b, k)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestHintDroppedSinceListed is why the row is looked at again before a hint is
// followed: one that is given meanwhile relies on it, and it would be counted
// out twice.
func TestHintDroppedSinceListed(t *testing.T) {
	b := open(t, testOptions(vfs.NewCrashable()))
	k, other := putHinted(t, b, 1, 2), putHinted(t, b, 2, 2)
	for _, h := range []Hint{k, other} {
		if err := hint(b, h); err != nil {
			t.Fatal(err)
		}
	}
	follow(t, b, k, true) // somebody has it in a list from before
	end := b.Follow(k)
	if end != nil {
		t.Error("a hint that is not kept is followed")
	}
	if err := hint(b, k); err != nil {
		t.Fatal(err)
	}
	if end != nil {
		end(false)
	}
	wantHints(t, b, k, other)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestHintGivenWhileDropped does both many times at once: whatever the order,
// a hint that was acknowledged after its following had begun is there.
func TestHintGivenWhileDropped(t *testing.T) {
	b := open(t, testOptions(vfs.NewCrashable()))
	k := putHinted(t, b, 1, 2)
	for range 300 {
		if err := hint(b, k); err != nil {
			t.Fatal(err)
		}
		end := b.Follow(k)
		for end == nil { // still being answered
			end = b.Follow(k)
		}
		again := make(chan error, 1)
		go func() { b.Hint(k, share.Who{Member: true}, func(err error) { again <- err }) }()
		end(true)
		if err := <-again; err != nil {
			t.Fatal(err)
		}
		wantHints(t, b, k)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestHintsAreBounded(t *testing.T) {
	o := testOptions(vfs.NewCrashable())
	o.MaxHints = 2
	b := open(t, o)
	one, two, three := putHinted(t, b, 1, 2), putHinted(t, b, 2, 2), putHinted(t, b, 3, 2)
	for _, k := range []Hint{one, two, one} {
		if err := hint(b, k); err != nil {
			t.Fatal(err)
		}
	}
	if err := hint(b, three); foci.KindOf(err) != foci.TooLarge {
		t.Errorf("a hint too many: %v", err)
	}
	if s := b.Stats(); s.Unhinted != 1 {
		t.Errorf("%d hints counted as refused, want 1", s.Unhinted)
	}
	follow(t, b, one, true)
	if err := hint(b, three); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	wantHints(t, b, two, three)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestHintsSurviveCrashes cuts the power after each step: what was
// acknowledged is there, and what was dropped is not back without being given.
func TestHintsSurviveCrashes(t *testing.T) {
	for seed := range uint64(20) {
		fs := vfs.NewCrashable()
		b := open(t, testOptions(fs))
		var want []Hint
		for i := range 8 {
			k := putHinted(t, b, i, 2)
			if err := hint(b, k); err != nil {
				t.Fatal(err)
			}
			want = append(want, k)
		}
		follow(t, b, want[3], true)
		want = slices.Delete(want, 3, 4)
		after := open(t, testOptions(fs.Clone(vfs.Crash{Keep: 50, Unit: vfs.Sector, Source: seed})))
		wantHints(t, after, want...)
		if err := errors.Join(after.Close(), b.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
