package store

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/store/storetest"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/testwait"
)

// slowDisk holds what the index creates until it is let go, and then may be
// full: so commits of the index wait although nothing says that it is full. It
// holds the log's first write too.
type slowDisk struct {
	held    atomic.Bool
	letGo   chan struct{}
	first   sync.Once
	writing chan struct{} // closed: the log's first write is held
	goOn    chan struct{}
	syncs   atomic.Int64 // of the log
	index   atomic.Bool  // full for the index
	log     atomic.Bool  // full for the log, after its first fsync
}

func (d *slowDisk) on(fs vfs.FS) vfs.FS {
	return vfs.WithErrors(fs, func(op vfs.Op) error {
		if !d.held.Load() {
			return nil
		}
		if inSegments(op) {
			return d.ofLog(op.Kind)
		}
		if op.Kind == errorfs.OpCreate {
			<-d.letGo
		}
		if d.index.Load() && (op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpFileWrite) {
			return syscall.ENOSPC
		}
		return nil
	})
}

func (d *slowDisk) ofLog(kind errorfs.OpKind) error {
	switch kind {
	case errorfs.OpFileSyncData:
		d.syncs.Add(1)
	case errorfs.OpFileWrite, errorfs.OpCreate:
		d.first.Do(func() { close(d.writing); <-d.goOn })
		if d.log.Load() && d.syncs.Load() > 0 {
			return syscall.ENOSPC
		}
	}
	return nil
}

// blocked is a backend whose index takes no commit until the disk is let go. It
// writes the first of its records; the others wait to be taken. What each of
// them hears comes from heard.
func blocked(t *testing.T, fs vfs.FS, records int) (b *Backend, d *slowDisk, heard chan error) {
	t.Helper()
	d = &slowDisk{letGo: make(chan struct{}), writing: make(chan struct{}), goOn: make(chan struct{})}
	o := fullOptions(d.on(fs))
	o.MaxBatchRecords = 60
	b = open(t, o)
	d.held.Store(true)
	var sets atomic.Int64
	stop := make(chan struct{})
	go fillMemory(b, &sets, stop)
	last, since := int64(-1), time.Now()
	testwait.True(t, 20*time.Second, "the index to be full: nothing enters it for a while", func() bool {
		if n := sets.Load(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > 50*time.Millisecond
	})
	close(stop)
	heard = make(chan error, records)
	for i := range records {
		b.Put(&wire.Store{Record: small(i)}, func(_ bool, err error) { heard <- err })
		if i == 0 {
			<-d.writing
		}
	}
	return b, d, heard
}

// refusedSoon fails unless so many records are refused within a second.
func refusedSoon(t *testing.T, heard chan error, records int) {
	t.Helper()
	late := time.After(time.Second)
	for i := range records {
		select {
		case err := <-heard:
			wantKind(t, err, foci.ReadOnly)
		case <-late:
			t.Fatalf("%d of %d records are answered within a second", i, records)
		}
	}
}

// TestNobodyWaitsForSpace: records are in all places on their way into the index
// when that turns out to wait for space: entering it, in the log behind that,
// not yet taken. Each is answered. Those in the log are found later.
func TestNobodyWaitsForSpace(t *testing.T) {
	const records, inLog = 200, 1 + 60 + 60
	disk := vfs.NewCrashable()
	b, slow, heard := blocked(t, disk, records)
	close(slow.goOn)
	testwait.True(t, 20*time.Second, "all batches to be in the log", func() bool { return slow.syncs.Load() >= movingBatches })
	slow.index.Store(true)
	close(slow.letGo)
	refusedSoon(t, heard, records)
	if n := b.Stats().Queued; n != 0 {
		t.Errorf("%d records hold their place in the queue", n)
	}
	slow.index.Store(false)
	takes(t, b, storetest.NewModel(), small(inLog-1)) // it is there, or will be
	if n := b.Stats().Records; n != inLog {
		t.Errorf("%d records have entered the index, want %d", n, inLog)
	}
	m := storetest.NewModel()
	for i := range records {
		takes(t, b, m, small(i))
	}
	compare(t, b, m)
	closeIt(t, b)
	b = open(t, testOptions(disk))
	compare(t, b, m)
	closeIt(t, b)
}

// TestLateRecordIsRefusedToo: a record that was accepted just before the index
// turned out to wait for space, and is queued when all others have been refused,
// does not wait either.
func TestLateRecordIsRefusedToo(t *testing.T) {
	const records = 200
	b, slow, heard := blocked(t, vfs.NewCrashable(), records)
	close(slow.goOn)
	testwait.True(t, 20*time.Second, "all batches to be in the log", func() bool { return slow.syncs.Load() >= movingBatches })
	slow.index.Store(true)
	close(slow.letGo)
	refusedSoon(t, heard, records)
	if err := b.accept(&wire.Store{Record: small(records)}, func(_ bool, err error) { heard <- err }); err != nil {
		t.Fatal(err)
	}
	refusedSoon(t, heard, 1)
	slow.index.Store(false)
	closeIt(t, b)
}

// TestFailedGroupHearsAtOnce: a record that cannot be written to the log is
// refused although the index has not taken the one before.
func TestFailedGroupHearsAtOnce(t *testing.T) {
	b, slow, heard := blocked(t, vfs.NewCrashable(), 2)
	slow.log.Store(true)
	close(slow.goOn)
	refusedSoon(t, heard, 1)
	slow.log.Store(false)
	close(slow.letGo)
	if err := <-heard; err != nil {
		t.Error(err)
	}
	takes(t, b, storetest.NewModel(), small(1))
	closeIt(t, b)
}

// TestVisibleIsNotRefused: what has entered the index is there for the caller that
// repeats it, also when its callers were answered before, or are once more.
func TestVisibleIsNotRefused(t *testing.T) {
	why := errClosed()
	for _, answers := range [][]error{{nil}, {why, nil}, {nil, why}} {
		b, batch := &Backend{queue: newQueue(&Options{})}, new(commitBatch)
		for _, err := range answers {
			b.answer(batch, err)
		}
		if waits, err := batch.share(&item{}); waits || err != nil {
			t.Errorf("after %v: waits %v, %v", answers, waits, err)
		}
	}
}

// TestQuickCommitIsNotRefused: what the index takes in memory, while it waits for
// space with something else, is not answered as if it waited too.
func TestQuickCommitIsNotRefused(t *testing.T) {
	var full atomic.Bool
	b := open(t, fullOptions(onlyIndex(vfs.NewCrashable(), &full)))
	stores(t, b, storetest.NewModel(), small(0))
	full.Store(true)
	go func() { _ = b.index.Flush() }()
	<-b.index.Full()
	c := &committer{b: b, back: make(chan *commitBatch, 2)}
	var heard [2][]error
	var batches [2]*commitBatch
	for i := range batches {
		batches[i] = &commitBatch{number: uint64(2 + i), rows: b.index.NewRows()}
		batches[i].items = []item{{rec: segment.Record{Kind: segment.Mark}, done: func(_ bool, err error) { heard[i] = append(heard[i], err) }}}
		c.entries.add(batches[i])
	}
	stuck := c.entries.oldest()
	if !c.enter(batches[0]) {
		t.Fatal("the worker has ended")
	}
	c.refuseBehind(stuck)
	if len(heard[0]) != 1 || heard[0][0] != nil || len(heard[1]) != 0 {
		t.Errorf("the first moved and the second has just come: they heard %v", heard)
	}
	c.refuseBehind(c.entries.oldest())
	if len(heard[1]) != 1 || foci.KindOf(heard[1][0]) != foci.ReadOnly {
		t.Errorf("the second does not move: it heard %v", heard[1])
	}
	full.Store(false)
	closeIt(t, b)
}

// fillMemory fills what the index has in memory, until that waits for the disk.
func fillMemory(b *Backend, sets *atomic.Int64, stop chan struct{}) {
	for value := make([]byte, 1000); ; sets.Add(1) {
		select {
		case <-stop:
			return
		default:
			id := foci.ID{}
			binary.LittleEndian.PutUint64(id[:], uint64(sets.Load()))
			rows := b.index.NewRows()
			if rows.SetHint(foci.MaxGroups, &id, value) != nil || rows.Commit() != nil {
				return // the index was given up
			}
		}
	}
}
