package store

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/store/storetest"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/testwait"
)

// filling is a disk that is full from its k-th change on, until there is space.
// What overwrites, syncs or removes needs no space.
type filling struct {
	n, k  atomic.Int64
	space atomic.Bool
}

func fillingFrom(k int64) *filling {
	d := new(filling)
	d.k.Store(k)
	return d
}

func (d *filling) on(fs vfs.FS) vfs.FS {
	return vfs.WithErrors(fs, func(op vfs.Op) error {
		switch op.Kind {
		case errorfs.OpCreate, errorfs.OpLink, errorfs.OpRename, errorfs.OpReuseForWrite, errorfs.OpFileWrite, errorfs.OpFilePreallocate:
			if d.n.Add(1) > d.k.Load() && !d.space.Load() {
				return &pathError{op.Path}
			}
		}
		return nil
	})
}

// pathError has a path, as those of the operating system have.
type pathError struct{ path string }

func (e *pathError) Error() string { return e.path + ": no space left on device" }
func (e *pathError) Unwrap() error { return syscall.ENOSPC }

func fullOptions(fs vfs.FS) Options {
	o := testOptions(fs)
	o.spaceRetry = time.Millisecond
	return o
}

// small is the i-th of many records.
func small(i int) record.Record {
	return storetest.Record(record.OpPut, fmt.Sprint("key", i%200), int64(i+1), []byte(fmt.Sprint("content ", i)), nil)
}

// modelOf holds the first records.
func modelOf(t *testing.T, records int) *storetest.Model {
	t.Helper()
	m := storetest.NewModel()
	for i := range records {
		if _, err := m.Add(small(i)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// killed is the disk of a backend that was killed with more in its log than in
// its index.
func killed(t *testing.T, records int) (*vfs.Crashable, *storetest.Model) {
	t.Helper()
	disk := vfs.NewCrashable()
	b := open(t, testOptions(disk))
	m := storetest.NewModel()
	for i := range records {
		stores(t, b, m, small(i))
	}
	if err := b.SetEpoch(3); err != nil {
		t.Fatal(err)
	}
	crashed := disk.Clone(vfs.Crash{Keep: 100, Unit: vfs.Page})
	closeIt(t, b)
	return crashed, m
}

// takes waits until the backend takes a record, and keeps it in the model.
func takes(t *testing.T, b *Backend, m *storetest.Model, r record.Record) {
	t.Helper()
	testwait.Until(t, 20*time.Second, "a record to be taken, as there is space", func() error {
		_, err := storetest.Put(b, r)
		if err != nil && foci.KindOf(err) != foci.ReadOnly {
			t.Fatal(err)
		}
		return err
	})
	if _, err := m.Add(r); err != nil {
		t.Fatal(err)
	}
}

// resolve adds those records to the model that are stored, although their
// callers heard that the disk is full: that leaves it open.
func resolve(t *testing.T, b *Backend, m *storetest.Model, unsure []record.Record) {
	t.Helper()
	for _, r := range unsure {
		state, err := b.Have(r.ID, r.Version, r.Hash)
		if err != nil {
			t.Fatal(err)
		}
		if state == wire.HaveStored {
			if _, err := m.Add(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// holds fails unless the backend has every record of the model; it may have more.
func holds(t *testing.T, b *Backend, m *storetest.Model) {
	t.Helper()
	for id, log := range m.Logs {
		for _, r := range log.From(foci.Version{}) {
			f := &wire.Fetch{ID: id, From: r.Version, To: r.Version, MaxBytes: foci.MaxPayload}
			if rep, body, err := b.Fetch(f, nil); err != nil || len(rep.Entries) != 1 || string(body) != string(r.Payload) {
				t.Fatalf("fetch %v: %+v %q %v", r.Version, rep, body, err)
			}
		}
	}
}

// refuses fails unless the backend refuses a record before Put returns.
func refuses(t *testing.T, b *Backend, r record.Record) {
	t.Helper()
	heard := make(chan error, 1)
	b.Put(&wire.Store{Record: r}, func(_ bool, err error) { heard <- err })
	var err error
	select {
	case err = <-heard:
	default:
		t.Fatal("the disk is full, and a record is taken")
	}
	wantKind(t, err, foci.ReadOnly)
	if !strings.Contains(err.Error(), "free space") {
		t.Fatalf("the error does not say what to do: %v", err)
	}
	if b.Stats().ReadOnly == "" {
		t.Fatal("stats do not say that the disk is full")
	}
}

// TestStartOnAFullDisk opens a backend on a disk that is full from its k-th
// change on, for every k until opening needs fewer. Reads are served and writes
// refused until there is space; then it takes records, without a restart.
func TestStartOnAFullDisk(t *testing.T) {
	step := int64(1)
	if testing.Short() {
		step = 7
	}
	killedDisk, was := killed(t, 600)
	for k := int64(0); ; k += step {
		disk := killedDisk.Clone(vfs.Crash{Keep: 100, Unit: vfs.Page})
		m := modelOf(t, 600)
		full := fillingFrom(k)
		b, err := Open(fullOptions(full.on(disk)))
		if err != nil {
			t.Fatalf("full from change %d on: %v", k, err)
		}
		needed := full.n.Load()
		compare(t, b, m)
		if b.Epoch() != 3 {
			t.Fatalf("epoch %d", b.Epoch())
		}
		refuses(t, b, small(1000))
		power := disk.Clone(vfs.Crash{})
		full.space.Store(true)
		takes(t, b, m, small(1001))
		compare(t, b, m)
		closeIt(t, b)
		for d, m := range map[*vfs.Crashable]*storetest.Model{power: was, disk.Clone(vfs.Crash{}): m} {
			b := open(t, testOptions(d))
			compare(t, b, m)
			closeIt(t, b)
		}
		if needed <= k {
			t.Logf("%d changes", k)
			return
		}
	}
}

// TestStopOnAFullDisk closes a backend that waits for space: Close does not.
func TestStopOnAFullDisk(t *testing.T) {
	for _, k := range []int64{0, 3, 9} {
		disk, m := killed(t, 300)
		full := fillingFrom(k)
		b := open(t, fullOptions(full.on(disk)))
		compare(t, b, m)
		closeIt(t, b)
		_, err := storetest.Put(b, small(1000))
		wantKind(t, err, foci.ReadOnly)
		b = open(t, fullOptions(full.on(disk))) // and once more
		compare(t, b, m)
		full.space.Store(true)
		takes(t, b, m, small(1000))
		closeIt(t, b)
	}
}

// changes counts the changes that are tried, also those for which there is no
// space.
type changes struct{ n atomic.Int64 }

func (c *changes) on(fs vfs.FS) vfs.FS {
	return vfs.WithErrors(fs, func(op vfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			c.n.Add(1)
		}
		return nil
	})
}

// TestNothingGoesOnAfterClose closes a backend whose disk is full from its k-th
// change on. Nothing of it tries to change the directory after that, while the
// next one waits for space there, and finds it.
func TestNothingGoesOnAfterClose(t *testing.T) {
	killedDisk, _ := killed(t, 300)
	for k := range int64(14) {
		disk, m := killedDisk.Clone(vfs.Crash{Keep: 100, Unit: vfs.Page}), modelOf(t, 300)
		var old, next changes
		full := fillingFrom(k)
		b := open(t, fullOptions(old.on(full.on(disk))))
		compare(t, b, m)
		closeIt(t, b)
		tried := old.n.Load()
		b = open(t, fullOptions(next.on(full.on(disk))))
		seen := next.n.Load()
		// The old one would try at the same pace.
		testwait.True(t, 20*time.Second, "ten tries of the next one", func() bool { return next.n.Load() >= seen+10 })
		full.space.Store(true)
		takes(t, b, m, small(1000))
		compare(t, b, m)
		closeIt(t, b)
		if n := old.n.Load() - tried; n != 0 {
			t.Fatalf("full from change %d on: %d changes tried after Close", k, n)
		}
	}
}

// TestStartOnAFullDiskWithoutAnIndex rebuilds it in memory.
func TestStartOnAFullDiskWithoutAnIndex(t *testing.T) {
	for name, spoil := range map[string]func(fs vfs.FS) error{
		"lost":    func(fs vfs.FS) error { return fs.RemoveAll("/backend/index") },
		"damaged": func(fs vfs.FS) error { return vfs.WriteFile(fs, "/backend/index.damaged", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			disk, m := killed(t, 600)
			if err := spoil(disk); err != nil {
				t.Fatal(err)
			}
			full := fillingFrom(0)
			b := open(t, fullOptions(full.on(disk)))
			compare(t, b, m)
			refuses(t, b, small(1000))
			full.space.Store(true)
			takes(t, b, m, small(1000))
			compare(t, b, m)
			closeIt(t, b)
		})
	}
}

// TestNewBackendOnAFullDisk is refused, and says why; there is nothing to serve.
func TestNewBackendOnAFullDisk(t *testing.T) {
	_, err := Open(fullOptions(fillingFrom(0).on(vfs.NewCrashable())))
	wantKind(t, err, foci.ReadOnly)
	if !strings.Contains(err.Error(), "free space") {
		t.Fatal(err)
	}
}

// TestDiskFullUnderLoad fills the disk at the k-th change of a run. Every record
// that was acknowledged can be read then and later.
func TestDiskFullUnderLoad(t *testing.T) {
	step := int64(83)
	if testing.Short() {
		step = 311
	}
	for k := int64(30); ; k += step {
		disk := vfs.NewCrashable()
		full := fillingFrom(k)
		b, err := Open(fullOptions(full.on(disk)))
		if err != nil {
			wantKind(t, err, foci.ReadOnly) // there was no backend yet
			continue
		}
		m := storetest.NewModel()
		var unsure []record.Record
		for i := range 600 {
			r := small(i)
			_, err := storetest.Put(b, r)
			switch {
			case err == nil:
				_, _ = m.Add(r)
			case foci.KindOf(err) != foci.ReadOnly:
				t.Fatalf("full from change %d on: %v", k, err)
			default:
				unsure = append(unsure, r)
			}
		}
		holds(t, b, m)
		full.space.Store(true)
		takes(t, b, m, small(2000))
		resolve(t, b, m, unsure)
		compare(t, b, m)
		crashed := disk.Clone(vfs.Crash{})
		closeIt(t, b)
		b = open(t, testOptions(crashed))
		compare(t, b, m)
		closeIt(t, b)
		if len(unsure) == 0 {
			t.Logf("%d changes", k)
			return
		}
	}
}

// onlyIndex makes the disk full for the index alone.
func onlyIndex(fs vfs.FS, full *atomic.Bool) vfs.FS {
	return vfs.WithErrors(fs, func(op vfs.Op) error {
		if full.Load() && strings.Contains(op.Path, "/index") && (op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpCreate) {
			return syscall.ENOSPC
		}
		return nil
	})
}

// TestIndexOnAFullDisk: while the index waits for space no records are taken,
// so that none waits with it; Close does not wait, and loses none.
func TestIndexOnAFullDisk(t *testing.T) {
	disk := vfs.NewCrashable()
	var full atomic.Bool
	b := open(t, fullOptions(onlyIndex(disk, &full)))
	m := storetest.NewModel()
	fill := func(from int) record.Record {
		for i := from; ; i++ {
			if i == from+2000 {
				t.Fatal("records are taken without end, although the index cannot write")
			}
			if _, err := storetest.Put(b, small(i)); err != nil {
				wantKind(t, err, foci.ReadOnly)
				refuses(t, b, small(i))
				return small(i)
			}
			_, _ = m.Add(small(i))
		}
	}
	full.Store(true)
	refused := fill(0)
	holds(t, b, m)
	full.Store(false)
	takes(t, b, m, small(5000))
	resolve(t, b, m, []record.Record{refused})
	full.Store(true)
	refused = fill(6000)
	holds(t, b, m)
	closeIt(t, b)
	full.Store(false)
	b = open(t, testOptions(disk))
	resolve(t, b, m, []record.Record{refused})
	compare(t, b, m)
	closeIt(t, b)
}

// TestTailIsSyncedBeforeItIsShown: what a backend shows that was opened on a
// full disk survives a loss of power, also when an fsync of it had failed.
func TestTailIsSyncedBeforeItIsShown(t *testing.T) {
	disk := vfs.NewCrashable()
	var broken atomic.Bool
	b := open(t, testOptions(vfs.WithErrors(disk, func(op vfs.Op) error {
		if broken.Load() && inSegments(op) && op.Kind == errorfs.OpFileSyncData {
			return syscall.EIO
		}
		return nil
	})))
	m := storetest.NewModel()
	stores(t, b, m, small(0), small(1))
	broken.Store(true)
	r := small(2)
	if _, err := storetest.Put(b, r); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	closeIt(t, b)
	full := fillingFrom(0)
	b = open(t, fullOptions(full.on(disk)))
	shown, err := b.Have(r.ID, r.Version, r.Hash)
	if err != nil || shown != wire.HaveStored {
		t.Fatalf("%v, %v: the tail is not shown", shown, err)
	}
	power := disk.Clone(vfs.Crash{})
	full.space.Store(true)
	takes(t, b, m, small(3))
	closeIt(t, b)
	b = open(t, testOptions(power))
	if s, err := b.Have(r.ID, r.Version, r.Hash); err != nil || s != wire.HaveStored {
		t.Fatalf("after a loss of power: %v, %v; it had been shown", s, err)
	}
	closeIt(t, b)
}
