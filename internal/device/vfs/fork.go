package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	pebblevfs "github.com/cockroachdb/pebble/v2/vfs"
)

// Limits of a fork.
const (
	maxForkFiles = 4096     // that stay open
	maxForkCopy  = 64 << 20 // bytes copied when the fork is made
)

// Fork is a copy-on-write view of a directory. Its changes stay in memory, and it
// does not see later changes of the original.
type Fork struct {
	FS  // in memory
	mem *pebblevfs.MemFS
	dir string

	mu     sync.Mutex           // guards the fields below
	under  map[string]*original // by path
	opened []File
}

// original is a file of the directory that was forked.
type original struct {
	File
	info pebblevfs.FileInfo
}

// NewFork forks a directory, whose files must not change meanwhile. Files for
// which copied is true are copied into memory. The others stay on the disk and
// must not change later, but may be removed. A missing directory counts as empty.
func NewFork(from FS, dir string, copied func(name string) bool) (*Fork, error) {
	mem := pebblevfs.NewMem()
	f := &Fork{FS: mem, mem: mem, dir: dir, under: map[string]*original{}}
	if err := mem.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	names, err := from.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err == nil && len(names) > maxForkFiles {
		err = fmt.Errorf("%s has %d files, at most %d can be kept open", dir, len(names), maxForkFiles)
	}
	for i := 0; err == nil && i < len(names); i++ {
		err = f.take(from, from.PathJoin(dir, names[i]), copied(names[i]))
	}
	if err != nil {
		return nil, errors.Join(err, f.Release())
	}
	return f, nil
}

func (f *Fork) take(from FS, name string, copied bool) error {
	info, err := from.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	if copied {
		text, err := ReadFile(from, name, maxForkCopy)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return f.put(name, text)
	}
	file, err := from.Open(name)
	if err != nil {
		return err
	}
	f.opened = append(f.opened, file)
	f.under[name] = &original{file, info}
	return nil
}

func (f *Fork) put(name string, text []byte) error {
	w, err := Create(f.mem, name)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return errors.Join(err, w.Close())
}

// Bytes is how much the fork holds in memory.
func (f *Fork) Bytes() (n int64) {
	names, _ := f.mem.List(f.dir)
	for _, name := range names {
		if info, err := f.mem.Stat(f.PathJoin(f.dir, name)); err == nil {
			n += info.Size()
		}
	}
	return n
}

// Release closes the original's files.
func (f *Fork) Release() (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, file := range f.opened {
		err = errors.Join(err, file.Close())
	}
	f.opened, f.under = nil, nil
	return err
}

// lower returns the original's file of that name, nil if the fork has changed it.
func (f *Fork) lower(name string) *original {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.under[name]
}

// drop hides the original's file. It reports whether there was one.
func (f *Fork) drop(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, there := f.under[name]
	delete(f.under, name)
	return there
}

// alias gives the original's file another name as well.
func (f *Fork) alias(old, name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.under[old]
	if o != nil {
		f.under[name] = o
	}
	return o != nil
}

// Create implements [FS].
func (f *Fork) Create(name string, c pebblevfs.DiskWriteCategory) (File, error) {
	f.drop(name)
	return f.mem.Create(name, c)
}

// Link implements [FS].
func (f *Fork) Link(old, name string) error {
	if f.alias(old, name) {
		return nil
	}
	return f.mem.Link(old, name)
}

// Open implements [FS].
func (f *Fork) Open(name string, o ...pebblevfs.OpenOption) (File, error) {
	if under := f.lower(name); under != nil {
		return &view{original: under}, nil
	}
	return f.mem.Open(name, o...)
}

// OpenReadWrite implements [FS]. A file of the original is copied first.
func (f *Fork) OpenReadWrite(name string, c pebblevfs.DiskWriteCategory, o ...pebblevfs.OpenOption) (File, error) {
	if f.lower(name) != nil {
		text, err := ReadFile(f, name, maxForkCopy)
		if err == nil {
			err = f.put(name, text)
		}
		if err != nil {
			return nil, err
		}
		f.drop(name)
	}
	return f.mem.OpenReadWrite(name, c, o...)
}

// Remove implements [FS].
func (f *Fork) Remove(name string) error {
	if f.drop(name) {
		return nil
	}
	return f.mem.Remove(name)
}

// RemoveAll implements [FS].
func (f *Fork) RemoveAll(name string) error {
	f.mu.Lock()
	for below := range f.under {
		if below == name || strings.HasPrefix(below, name+"/") {
			delete(f.under, below)
		}
	}
	f.mu.Unlock()
	return f.mem.RemoveAll(name)
}

// Rename implements [FS].
func (f *Fork) Rename(old, name string) error {
	if f.alias(old, name) {
		f.drop(old)
		return nil
	}
	if err := f.mem.Rename(old, name); err != nil {
		return err
	}
	f.drop(name)
	return nil
}

// ReuseForWrite implements [FS].
func (f *Fork) ReuseForWrite(old, name string, c pebblevfs.DiskWriteCategory) (File, error) {
	if f.drop(old) {
		return f.Create(name, c)
	}
	return f.mem.ReuseForWrite(old, name, c)
}

// List implements [FS].
func (f *Fork) List(dir string) ([]string, error) {
	names, err := f.mem.List(dir)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range f.under {
		if f.PathDir(name) == path.Clean(dir) {
			names = append(names, f.PathBase(name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Stat implements [FS].
func (f *Fork) Stat(name string) (pebblevfs.FileInfo, error) {
	if under := f.lower(name); under != nil {
		return under.info, nil
	}
	return f.mem.Stat(name)
}

// GetDiskUsage implements [FS]: there is always space.
func (f *Fork) GetDiskUsage(string) (pebblevfs.DiskUsage, error) {
	return pebblevfs.DiskUsage{AvailBytes: math.MaxInt64, TotalBytes: math.MaxInt64}, nil
}

// Unwrap implements [FS].
func (f *Fork) Unwrap() FS { return nil }

// view reads a file of the original with a position of its own.
type view struct {
	*original
	at int64
}

func (v *view) Read(p []byte) (int, error) {
	n, err := v.ReadAt(p, v.at)
	v.at += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func (v *view) Stat() (pebblevfs.FileInfo, error) { return v.info, nil }

func (v *view) Close() error { return nil } // the fork closes it

func (v *view) Write([]byte) (int, error) { return 0, os.ErrPermission }

func (v *view) WriteAt([]byte, int64) (int, error) { return 0, os.ErrPermission }

func (v *view) Sync() error { return nil }

func (v *view) SyncData() error { return nil }
