package store

import (
	"log/slog"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/store/index"
	"github.com/foci-store/foci/internal/device/vfs"
)

func memoryIndex(t *testing.T, fs vfs.FS, readOnly bool) *index.Index {
	t.Helper()
	x, err := index.Open(&index.Options{
		FS: fs, Backend: foci.BackendID{1}, CacheBytes: mib, MemTableBytes: mib, ReadOnly: readOnly, Logger: slog.New(slog.DiscardHandler),
	}, vfs.WaitForSpace(fs, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestNothingFollowsABatchThatIsNotIndexed: when a batch cannot enter the
// index, later ones do not either, or the cursor would pass it; and whoever
// repeats its records is not told that they are there.
func TestNothingFollowsABatchThatIsNotIndexed(t *testing.T) {
	fs := vfs.NewCrashable()
	memoryIndex(t, fs, false).Close()
	refuses, takes := memoryIndex(t, fs, true), memoryIndex(t, vfs.NewCrashable(), false)
	defer refuses.Close()
	defer takes.Close()

	b := &Backend{index: takes, queue: newQueue(&Options{MaxQueueRecords: 10, MaxQueueBytes: mib}), log: slog.New(slog.DiscardHandler)}
	var got []error
	r := newRecord(1, 10)
	it := item{store: &wire.Store{Record: r}, done: func(_ bool, err error) { got = append(got, err) }}
	if err := b.queue.put(it, it, it); err != nil {
		t.Fatal(err)
	}
	bad := &commitBatch{number: 1, items: []item{it}, rows: refuses.NewRows()}
	next := &commitBatch{number: 2, items: []item{it}, rows: takes.NewRows(), end: segment.Pos{Segment: 1, Offset: 4096}}
	c := &committer{b: b, back: make(chan *commitBatch, 2)}
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
	if b.visibleBatch.Load() != 0 || b.queue.len() != 0 {
		t.Errorf("batch %d is visible, %d records wait", b.visibleBatch.Load(), b.queue.len())
	}
	if m, err := takes.Meta(); err != nil || m.Cursor != (segment.Pos{}) {
		t.Errorf("the cursor has passed a batch that is not in the index: %+v, %v", m, err)
	}
}
