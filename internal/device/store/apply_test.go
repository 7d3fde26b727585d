package store

import (
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	pebblevfs "github.com/cockroachdb/pebble/v2/vfs"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/segment"
)

func memoryIndex(t *testing.T, fs pebblevfs.FS, readOnly bool) *pebble.DB {
	t.Helper()
	db, err := pebble.Open("index", &pebble.Options{FS: fs, ReadOnly: readOnly, FormatMajorVersion: indexFormat})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// TestNothingFollowsAGroupThatIsNotIndexed: when a group cannot enter the
// index, later ones do not either, or the cursor would pass it; and whoever
// repeats its records is not told that they are there.
func TestNothingFollowsAGroupThatIsNotIndexed(t *testing.T) {
	fs := pebblevfs.NewMem()
	if err := memoryIndex(t, fs, false).Close(); err != nil {
		t.Fatal(err)
	}
	refuses, takes := memoryIndex(t, fs, true), memoryIndex(t, pebblevfs.NewMem(), false)
	defer refuses.Close()
	defer takes.Close()

	b := &Backend{index: new(index), queue: newQueue(&Options{MaxQueueRecords: 10, MaxQueueBytes: mib}), log: slog.New(slog.DiscardHandler)}
	var got []error
	r := newRecord(1, 10)
	it := item{store: &wire.Store{Record: r}, done: func(_ bool, err error) { got = append(got, err) }}
	if err := b.queue.put(it, it, it); err != nil {
		t.Fatal(err)
	}
	bad := &group{number: 1, items: []item{it}, rows: refuses.NewBatch()}
	next := &group{number: 2, items: []item{it}, rows: takes.NewBatch(), end: segment.Pos{Segment: 1, Offset: 4096}}
	c := &committer{b: b, back: make(chan *group, 2)}
	c.entries.add(bad)
	c.entries.add(next)
	if !c.enter(bad) || !c.enter(next) {
		t.Fatal("a worker has ended")
	}
	c.repeat(&it, bad)
	if len(got) != 3 {
		t.Fatalf("%d of 3 callers were answered", len(got))
	}
	for i, err := range got {
		if foci.KindOf(err) != foci.ReadOnly {
			t.Errorf("caller %d: %v", i, err)
		}
	}
	if b.visibleGroup.Load() != 0 || b.queue.len() != 0 {
		t.Errorf("group %d is visible, %d records wait", b.visibleGroup.Load(), b.queue.len())
	}
	if _, closer, err := takes.Get(metaCursor); err == nil {
		_ = closer.Close()
		t.Error("the cursor has passed a group that is not in the index")
	}
}
