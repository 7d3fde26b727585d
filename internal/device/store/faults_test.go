package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	pebblevfs "github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/store/storetest"
	"github.com/foci-store/foci/internal/device/vfs"
)

func newRecord(i, size int) record.Record {
	payload := make([]byte, size)
	for k := range payload {
		payload[k] = byte(i + k)
	}
	return storetest.Record(record.OpPut, fmt.Sprint("key", i%7), int64(i+1), payload, nil)
}

func wantKind(t *testing.T, err error, k foci.Kind) {
	t.Helper()
	if err == nil || foci.KindOf(err) != k {
		t.Fatalf("error %v, want kind %v", err, k)
	}
}

// stores puts records and adds those that were acknowledged to the model.
func stores(t *testing.T, b *Backend, m *storetest.Model, records ...record.Record) {
	t.Helper()
	for _, r := range records {
		if _, err := storetest.Put(b, r); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Add(r); err != nil {
			t.Fatal(err)
		}
	}
}

func compare(t *testing.T, b *Backend, m *storetest.Model) {
	t.Helper()
	if err := storetest.Compare(b, m); err != nil {
		t.Fatal(err)
	}
}

func closeIt(t *testing.T, b *Backend) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func inSegments(op vfs.Op) bool { return strings.Contains(op.Path, segmentsDir) }

func TestIndexLostAfterEveryStep(t *testing.T) {
	disk := vfs.NewCrashable()
	m := storetest.NewModel()
	rec := func(op record.Op, at int64, text string) record.Record {
		return storetest.Record(op, "k", at, []byte(text), []byte("m"))
	}
	for i, step := range []record.Record{
		rec(record.OpAppend, 30, "c"), rec(record.OpAppend, 20, "b"), rec(record.OpPut, 10, "a"),
		rec(record.OpPut, 25, "base between"), rec(record.OpPut, 5, "history"), storetest.Chunk(1, 1, 7, make([]byte, 70_000)),
		storetest.Record(record.OpRemove, "other", 3, nil, nil), rec(record.OpPut, 90, "newest"),
	} {
		b := open(t, testOptions(disk))
		stores(t, b, m, step)
		if err := b.SetEpoch(foci.Epoch(i + 1)); err != nil {
			t.Fatal(err)
		}
		compare(t, b, m)
		before, err := b.index.Dump()
		if err != nil {
			t.Fatal(err)
		}
		closeIt(t, b)
		if err := disk.RemoveAll("/backend/index"); err != nil {
			t.Fatal(err)
		}
		b = open(t, testOptions(disk))
		after, err := b.index.Dump()
		if err != nil || string(before) != string(after) {
			t.Fatalf("step %d: rebuilt\n%s\nwas\n%s\n%v", i, after, before, err)
		}
		if b.Epoch() != foci.Epoch(i+1) {
			t.Fatalf("step %d: epoch %d", i, b.Epoch())
		}
		compare(t, b, m)
		closeIt(t, b)
	}
}

func TestFailedSyncIsForGood(t *testing.T) {
	disk := vfs.NewCrashable()
	var broken atomic.Bool
	o := testOptions(vfs.WithErrors(disk, func(op vfs.Op) error {
		if broken.Load() && inSegments(op) && (op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSync) {
			return syscall.EIO
		}
		return nil
	}))
	b := open(t, o)
	m := storetest.NewModel()
	stores(t, b, m, newRecord(1, 100), newRecord(2, 5000))
	broken.Store(true)
	lost := newRecord(3, 10)
	_, err := storetest.Put(b, lost)
	wantKind(t, err, foci.ReadOnly)
	if !errors.Is(err, syscall.EIO) {
		t.Errorf("the error does not say why: %v", err)
	}
	broken.Store(false)
	_, err = storetest.Put(b, newRecord(4, 10))
	wantKind(t, err, foci.ReadOnly)
	if s := b.Stats(); !strings.Contains(s.ReadOnly, "fsync failed") {
		t.Errorf("stats: %+v", s)
	}
	compare(t, b, m) // reading goes on, and shows nothing that was not synced
	crashed := disk.Clone(vfs.Crash{})
	closeIt(t, b)
	b = open(t, testOptions(crashed))
	compare(t, b, m)
	stores(t, b, m, lost)
	compare(t, b, m)
	closeIt(t, b)
}

func TestDiskFull(t *testing.T) {
	disk := vfs.NewCrashable()
	var full atomic.Bool
	o := testOptions(vfs.WithErrors(disk, func(op vfs.Op) error {
		if full.Load() && inSegments(op) && (op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpCreate) {
			return syscall.ENOSPC
		}
		return nil
	}))
	b := open(t, o)
	m := storetest.NewModel()
	stores(t, b, m, newRecord(1, 100))
	for round := range 3 {
		full.Store(true)
		for i := range 3 {
			_, err := storetest.Put(b, newRecord(10+round, 100+i))
			wantKind(t, err, foci.ReadOnly)
			if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free space") {
				t.Errorf("the error does not say what to do: %v", err)
			}
		}
		if b.Stats().ReadOnly == "" {
			t.Error("stats do not say that the disk is full")
		}
		compare(t, b, m)
		full.Store(false)
		stores(t, b, m, newRecord(20+round, 200), newRecord(20+round, 200), newRecord(10+round, 50))
		if s := b.Stats(); s.ReadOnly != "" {
			t.Errorf("stats still say %q", s.ReadOnly)
		}
	}
	compare(t, b, m)
	crashed := disk.Clone(vfs.Crash{Keep: 50, Unit: vfs.Sector, Source: 3})
	closeIt(t, b)
	for _, d := range []*vfs.Crashable{disk, crashed} {
		b := open(t, testOptions(d))
		compare(t, b, m)
		closeIt(t, b)
	}
}

// TestEveryOperationFails lets the k-th operation on files fail, for every k
// until a whole run needs fewer. Whatever fails, nothing that was acknowledged
// is lost, and after a restart everything works again.
func TestEveryOperationFails(t *testing.T) {
	for k := int64(0); ; k++ {
		disk := vfs.NewCrashable()
		var n atomic.Int64
		o := testOptions(vfs.WithErrors(disk, func(op vfs.Op) error {
			if op.Kind != errorfs.OpFileClose && n.Add(1)-1 == k {
				return syscall.EIO
			}
			return nil
		}))
		o.SegmentBytes = minSegmentBytes
		m := storetest.NewModel()
		b, err := Open(o)
		if err == nil {
			for i := range 6 {
				r := newRecord(i, 3000)
				if _, err := storetest.Put(b, r); err == nil {
					_, _ = m.Add(r)
				}
			}
			_, _, _ = b.Query(newRecord(1, 0).ID, wire.MaxInline)
			if b.notReady != nil {
				t.Fatalf("operation %d failed, which was taken for damage: %v", k, b.notReady)
			}
			_ = b.Close()
		}
		b, err = Open(testOptions(disk.Clone(vfs.Crash{})))
		if err != nil || b.notReady != nil {
			t.Fatalf("operation %d failed; afterwards: %v, %v", k, err, b)
		}
		for _, r := range m.Logs {
			for _, rec := range r.From(foci.Version{}) {
				if s, err := b.Have(rec.ID, rec.Version, rec.Hash); s != wire.HaveStored || err != nil {
					t.Fatalf("operation %d failed and %v was lost: %v, %v", k, rec.Version, s, err)
				}
			}
		}
		if _, err := storetest.Put(b, newRecord(50, 100)); err != nil {
			t.Fatalf("operation %d failed; afterwards: %v", k, err)
		}
		closeIt(t, b)
		if n.Load() <= k {
			t.Logf("%d operations", k)
			return
		}
	}
}

func TestWrongDirectories(t *testing.T) {
	disk := vfs.NewCrashable()
	b := open(t, testOptions(disk))
	id := b.ID()
	_, err := Open(testOptions(disk))
	wantKind(t, err, foci.Busy)
	closeIt(t, b)

	o := testOptions(disk)
	o.Cluster = "another"
	_, err = Open(o)
	wantKind(t, err, foci.Denied)
	if !strings.Contains(err.Error(), `"test"`) || !strings.Contains(err.Error(), `"another"`) {
		t.Errorf("the error does not name the clusters: %v", err)
	}
	o = testOptions(disk)
	o.ID = foci.BackendID{1}
	_, err = Open(o)
	wantKind(t, err, foci.Denied)

	o.ID = id
	b = open(t, o)
	if _, err := storetest.Put(b, newRecord(1, 10)); err != nil {
		t.Fatal(err)
	}
	closeIt(t, b)
	if err := disk.Remove("/backend/backend.json"); err != nil {
		t.Fatal(err)
	}
	_, err = Open(o)
	wantKind(t, err, foci.Corrupt)

	if err := vfs.WriteFile(disk, "/backend/backend.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	_, err = Open(o)
	wantKind(t, err, foci.Corrupt)

	for _, o := range []Options{{}, {Dir: "d"}, {Dir: "d", Cluster: "c", SegmentBytes: 1}, {Dir: "d", Cluster: "c", MaxBatchRecords: -1}} {
		_, err := Open(o)
		wantKind(t, err, foci.Invalid)
	}
}

func TestReadOnlyDirectory(t *testing.T) {
	disk := vfs.NewCrashable()
	b := open(t, testOptions(disk))
	closeIt(t, b)
	_, err := Open(testOptions(vfs.WithErrors(disk, func(op vfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return &fs.PathError{Op: "open", Path: op.Path, Err: syscall.EROFS}
		}
		return nil
	})))
	wantKind(t, err, foci.ReadOnly)
	if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "/backend") {
		t.Errorf("the error does not say what is wrong: %v", err)
	}
}

func TestTooMuchWaiting(t *testing.T) {
	var held atomic.Bool
	release := make(chan struct{})
	o := testOptions(vfs.WithErrors(vfs.NewCrashable(), func(op vfs.Op) error {
		if held.Load() && inSegments(op) && op.Kind == errorfs.OpFileSyncData {
			<-release
		}
		return nil
	}))
	o.MaxQueueRecords = 3
	b := open(t, o)
	if _, err := storetest.Put(b, newRecord(0, 10)); err != nil {
		t.Fatal(err)
	}
	held.Store(true)
	outcomes := make(chan error, 3)
	for i := range 3 {
		b.Put(&wire.Store{Record: newRecord(i+1, 10)}, func(_ bool, err error) { outcomes <- err })
	}
	_, err := storetest.Put(b, newRecord(9, 10))
	wantKind(t, err, foci.Busy)
	r := newRecord(1, 10)
	if s, err := b.Have(r.ID, r.Version, r.Hash); s != wire.HaveInProgress || err != nil {
		t.Errorf("have: %v, %v, want in progress", s, err)
	}
	if v, rec, err := b.Query(r.ID, wire.MaxInline); err != nil || rec != nil || v.Count != 0 {
		t.Errorf("query shows what is not synced: %+v, %v", v, err)
	}
	close(release)
	for range 3 {
		if err := <-outcomes; err != nil {
			t.Error(err)
		}
	}
	closeIt(t, b)
}

// TestRepeatOfTheFirstRecord repeats an object's first record in the very
// group that brings its second: until then the first has no row of its own.
func TestRepeatOfTheFirstRecord(t *testing.T) {
	b := open(t, testOptions(vfs.NewCrashable()))
	m := storetest.NewModel()
	first := storetest.Record(record.OpPut, "k", 1, []byte("first"), nil)
	second := storetest.Record(record.OpPut, "k", 2, []byte("second"), nil)
	stores(t, b, m, first)
	type outcome struct {
		dup bool
		err error
	}
	outcomes := make(chan outcome, 2)
	done := func(dup bool, err error) { outcomes <- outcome{dup, err} }
	if err := b.queue.put(item{store: &wire.Store{Record: second}, done: done}, item{store: &wire.Store{Record: first}, done: done}); err != nil {
		t.Fatal(err)
	}
	dups := 0
	for range 2 {
		o := <-outcomes
		if o.err != nil {
			t.Fatal(o.err)
		}
		if o.dup {
			dups++
		}
	}
	if s := b.Stats(); dups != 1 || s.Records != 2 {
		t.Errorf("%d of the two were repeats, %d records are stored", dups, s.Records)
	}
	if _, err := m.Add(second); err != nil {
		t.Fatal(err)
	}
	compare(t, b, m)
	closeIt(t, b)
}

// smallDisk has so much free space.
type smallDisk struct {
	vfs.FS
	free atomic.Uint64
}

func (d *smallDisk) GetDiskUsage(string) (pebblevfs.DiskUsage, error) {
	return pebblevfs.DiskUsage{AvailBytes: d.free.Load()}, nil
}

func TestReserveIsKept(t *testing.T) {
	disk := &smallDisk{FS: vfs.NewCrashable()}
	disk.free.Store(1 << 30)
	b := open(t, testOptions(disk))
	m := storetest.NewModel()
	stores(t, b, m, newRecord(1, 100))
	disk.free.Store(64 << 20)
	_, err := storetest.Put(b, newRecord(2, 100))
	wantKind(t, err, foci.ReadOnly)
	if b.Stats().ReadOnly == "" {
		t.Error("stats do not say that the disk is full")
	}
	compare(t, b, m)
	disk.free.Store(1 << 30)
	stores(t, b, m, newRecord(2, 100))
	if s := b.Stats(); s.ReadOnly != "" {
		t.Errorf("stats still say %q", s.ReadOnly)
	}
	closeIt(t, b)
}
