package vfs

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	pebblevfs "github.com/cockroachdb/pebble/v2/vfs"

	"github.com/foci-store/foci/internal/core/mutant"
)

// IsFull reports whether err says that a disk or a quota has no space left.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// Waiting is a file system whose changes wait while the disk is full: a change
// that fails for want of space is tried again until it succeeds, so its caller
// never sees that error. Reads do not wait. It is for callers, such as Pebble,
// that end the process when the disk is full.
//
// An fsync that fails for want of space is not repeated, as no failed fsync is:
// see OnLost.
type Waiting struct {
	FS
	space *space
	lost  atomic.Pointer[func(error)]
	cut   chan struct{} // closed: changes through this Waiting wait for ever
	once  sync.Once
	plain atomic.Bool // changes fail at once when the disk is full
}

// space is shared by the file systems that wait together.
type space struct {
	every time.Duration // the interval at which a waiting change is retried
	gate  sync.RWMutex  // held for reading during a change
	cut   chan struct{} // closed: changes through all of them wait for ever
	once  sync.Once

	mu      sync.Mutex // guards the fields below
	waiting int
	full    chan struct{} // closed while waiting > 0
}

// WaitForSpace returns fs with changes that wait for space and are retried at the
// given interval.
func WaitForSpace(fs FS, every time.Duration) *Waiting {
	return newWaiting(fs, &space{every: every, cut: make(chan struct{}), full: make(chan struct{})})
}

func newWaiting(fs FS, s *space) *Waiting {
	return &Waiting{FS: fs, space: s, cut: make(chan struct{})}
}

// Child returns the same file system with its own Cut and Plain.
func (w *Waiting) Child() *Waiting { return newWaiting(w.FS, w.space) }

// OnLost sets the function that is called when an fsync of a file fails for want of
// space, or an fsync of a directory for any reason. The caller of that fsync waits
// for ever: Pebble would repeat the first without end, and panic at the second.
// Without OnLost the fsync returns its error.
func (w *Waiting) OnLost(lost func(error)) { w.lost.Store(&lost) }

// Full returns a channel that is closed while a change waits.
func (w *Waiting) Full() <-chan struct{} {
	w.space.mu.Lock()
	defer w.space.mu.Unlock()
	return w.space.full
}

// IsFull reports whether a change waits.
func (w *Waiting) IsFull() bool {
	select {
	case <-w.Full():
		return true
	default:
		return false
	}
}

// Cut makes every further change of w wait for ever. When it returns, none is
// under way. Its parent and its children go on: see CutAll.
func (w *Waiting) Cut() {
	w.once.Do(func() { close(w.cut) })
	w.space.settle()
}

// CutAll is Cut for all file systems that wait together: w, its parent, their
// children.
func (w *Waiting) CutAll() {
	if mutant.On(mutant.ChildGoesOn) {
		w.Cut()
		return
	}
	w.space.once.Do(func() { close(w.space.cut) })
	w.space.settle()
}

// settle waits for the changes under way.
func (s *space) settle() {
	s.gate.Lock()
	//lint:ignore SA2001 acquiring the lock is the wait
	s.gate.Unlock()
}

// Plain makes every further change fail at once when the disk is full.
func (w *Waiting) Plain() { w.plain.Store(true) }

// Freeze calls fn while no change is under way, here or in a child.
func (w *Waiting) Freeze(fn func() error) error {
	w.space.gate.Lock()
	defer w.space.gate.Unlock()
	return fn()
}

func (s *space) wait(more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.waiting
	s.waiting += more
	switch {
	case before == 0:
		close(s.full)
	case s.waiting == 0:
		s.full = make(chan struct{})
	}
}

// errCut is the outcome of a change after Cut.
var errCut = errors.New("the file system has been cut off")

// change runs op until it does not fail for want of space.
func (w *Waiting) change(op func() error) error {
	waits := false
	for {
		err := w.try(op)
		again := IsFull(err) && !w.plain.Load()
		if again && !waits {
			waits = true
			w.space.wait(+1)
		}
		if again {
			select {
			case <-time.After(w.space.every):
				continue
			case <-w.cut:
				err = errCut
			case <-w.space.cut:
				err = errCut
			}
		}
		if waits {
			w.space.wait(-1)
		}
		if errors.Is(err, errCut) {
			select {}
		}
		return err
	}
}

func (w *Waiting) try(op func() error) error {
	w.space.gate.RLock()
	defer w.space.gate.RUnlock()
	select {
	case <-w.cut:
		return errCut
	case <-w.space.cut:
		return errCut
	default:
		return op()
	}
}

func (w *Waiting) open(open func() (File, error)) (f File, err error) {
	err = w.change(func() (err error) {
		f, err = open()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &waitingFile{File: f, w: w}, nil
}

// Create implements [FS].
func (w *Waiting) Create(name string, c pebblevfs.DiskWriteCategory) (File, error) {
	return w.open(func() (File, error) { return w.FS.Create(name, c) })
}

// OpenReadWrite implements [FS].
func (w *Waiting) OpenReadWrite(name string, c pebblevfs.DiskWriteCategory, o ...pebblevfs.OpenOption) (File, error) {
	return w.open(func() (File, error) { return w.FS.OpenReadWrite(name, c, o...) })
}

// ReuseForWrite implements [FS].
func (w *Waiting) ReuseForWrite(old, name string, c pebblevfs.DiskWriteCategory) (File, error) {
	return w.open(func() (File, error) { return w.FS.ReuseForWrite(old, name, c) })
}

// OpenDir implements [FS].
func (w *Waiting) OpenDir(name string) (File, error) {
	f, err := w.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &waitingFile{File: f, w: w, dir: true}, nil
}

// Link implements [FS].
func (w *Waiting) Link(old, name string) error {
	return w.change(func() error { return w.FS.Link(old, name) })
}

// Rename implements [FS].
func (w *Waiting) Rename(old, name string) error {
	return w.change(func() error { return w.FS.Rename(old, name) })
}

// Remove implements [FS].
func (w *Waiting) Remove(name string) error {
	return w.change(func() error { return w.FS.Remove(name) })
}

// RemoveAll implements [FS].
func (w *Waiting) RemoveAll(name string) error {
	return w.change(func() error { return w.FS.RemoveAll(name) })
}

// MkdirAll implements [FS].
func (w *Waiting) MkdirAll(dir string, perm os.FileMode) error {
	return w.change(func() error { return w.FS.MkdirAll(dir, perm) })
}

// Unwrap implements [FS].
func (w *Waiting) Unwrap() FS { return w.FS }

type waitingFile struct {
	File
	w   *Waiting
	dir bool
}

func (f *waitingFile) Write(p []byte) (n int, err error) {
	err = f.w.change(func() error {
		k, err := f.File.Write(p[n:])
		n += k
		return err
	})
	return n, err
}

func (f *waitingFile) WriteAt(p []byte, at int64) (n int, err error) {
	err = f.w.change(func() error {
		k, err := f.File.WriteAt(p[n:], at+int64(n))
		n += k
		return err
	})
	return n, err
}

func (f *waitingFile) Preallocate(offset, length int64) error {
	return f.w.change(func() error { return f.File.Preallocate(offset, length) })
}

func (f *waitingFile) Sync() error { return f.sync(f.File.Sync) }

func (f *waitingFile) SyncData() error { return f.sync(f.File.SyncData) }

func (f *waitingFile) SyncTo(length int64) (full bool, err error) {
	err = f.sync(func() (err error) {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, err
}

func (f *waitingFile) sync(sync func() error) error {
	err := sync()
	lost := f.w.lost.Load()
	if err == nil || lost == nil || !f.dir && !IsFull(err) {
		return err
	}
	(*lost)(err)
	select {}
}
