package vfs

import (
	"bytes"
	"math/rand/v2"
	"sync"

	pebblevfs "github.com/cockroachdb/pebble/v2/vfs"
)

// Page and Sector are the units in which a crash tears unsynced data.
const (
	Page   = 4096 // the operating system's cache
	Sector = 512  // a disk's atomic write
)

// Crashable is a file system in memory that tracks synced data. Clone returns the
// state that a crash would leave.
type Crashable struct {
	FS
	mem *pebblevfs.MemFS
	mu  *sync.RWMutex // held for writing while a crash is cloned
}

// NewCrashable is an empty file system.
func NewCrashable() *Crashable { return crashable(pebblevfs.NewCrashableMem()) }

func crashable(mem *pebblevfs.MemFS) *Crashable {
	return &Crashable{FS: mem, mem: mem, mu: new(sync.RWMutex)}
}

// Crash says which unsynced data survives.
type Crash struct {
	Keep   int    // percent of the unsynced units that survive: 0, 100 or in between
	Unit   int    // Page or Sector
	Source uint64 // seed of the choice
}

// Clone returns the file system after a crash at this moment; c stays usable.
func (c *Crashable) Clone(how Crash) *Crashable {
	rng := rand.New(rand.NewPCG(how.Source, 1))
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.mem.CrashClone(pebblevfs.CrashCloneCfg{UnsyncedDataPercent: how.Keep, RNG: rng})
	if how.Unit == Sector && 0 < how.Keep && how.Keep < 100 {
		synced := c.mem.CrashClone(pebblevfs.CrashCloneCfg{})
		tear(out, synced, c.mem, how.Keep, rng, "/")
	}
	return crashable(out)
}

// tear chooses anew, by sector, what survives of files that were only appended to
// since their last sync; other files stay torn by page.
func tear(out, synced, now *pebblevfs.MemFS, keep int, rng *rand.Rand, dir string) {
	names, err := out.List(dir)
	must(err)
	for _, name := range names {
		path := out.PathJoin(dir, name)
		info, err := out.Stat(path)
		must(err)
		if info.IsDir() {
			tear(out, synced, now, keep, rng, path)
			continue
		}
		was, err := synced.UnsafeGetFileDataBuffer(path)
		if err != nil {
			continue
		}
		is, err := now.UnsafeGetFileDataBuffer(path)
		if err != nil || len(is) == len(was) || !bytes.HasPrefix(is, was) {
			continue
		}
		replace(out, path, tornTail(was, is, keep, rng))
	}
}

func tornTail(was, is []byte, keep int, rng *rand.Rand) []byte {
	torn := bytes.Clone(was)
	for at := len(was); at < len(is); {
		end := min(at-at%Sector+Sector, len(is))
		if rng.IntN(100) < keep {
			torn = append(append(torn, make([]byte, at-len(torn))...), is[at:end]...)
		}
		at = end
	}
	return torn
}

func replace(fs *pebblevfs.MemFS, path string, data []byte) {
	f, err := Create(fs, path)
	must(err)
	_, err = f.Write(data)
	must(err)
	must(f.Sync())
	must(f.Close())
	must(SyncDir(fs, fs.PathDir(path)))
}

// must panics at an error: files in memory do not fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Create implements [FS]; the file cannot be written to while a crash is cloned.
func (c *Crashable) Create(name string, cat pebblevfs.DiskWriteCategory) (File, error) {
	return c.guard(c.mem.Create(name, cat))
}

// OpenReadWrite implements [FS].
func (c *Crashable) OpenReadWrite(name string, cat pebblevfs.DiskWriteCategory, o ...pebblevfs.OpenOption) (File, error) {
	return c.guard(c.mem.OpenReadWrite(name, cat, o...))
}

// ReuseForWrite implements [FS].
func (c *Crashable) ReuseForWrite(old, name string, cat pebblevfs.DiskWriteCategory) (File, error) {
	return c.guard(c.mem.ReuseForWrite(old, name, cat))
}

// Unwrap implements [FS].
func (c *Crashable) Unwrap() FS { return c.mem }

func (c *Crashable) guard(f File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return &guardedFile{File: f, mu: c.mu}, nil
}

// guardedFile blocks writes while a crash is cloned, which takes several steps.
type guardedFile struct {
	File
	mu *sync.RWMutex
}

// Write writes a copy of p: under the race detector Pebble's files in memory
// overwrite their argument, which an os.File does not.
func (f *guardedFile) Write(p []byte) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.File.Write(bytes.Clone(p))
}

func (f *guardedFile) WriteAt(p []byte, at int64) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.File.WriteAt(p, at)
}

func (f *guardedFile) Sync() error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.File.Sync()
}

func (f *guardedFile) SyncData() error { return f.Sync() }
