package index

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/vfs"
)

// Index is an open index.
type Index struct {
	db      *pebble.DB
	files   *vfs.Waiting           // nil: the index changes in memory only
	fork    *vfs.Fork              // its files in that case
	trouble atomic.Pointer[string] // why the index cannot write now; nil: it can
	gone    chan struct{}          // closed: the index is not written to any more, and must not be closed
	once    sync.Once              // closes gone
	log     *slog.Logger
}

// Options say where an index is and what it may take.
type Options struct {
	FS            vfs.FS
	Dir           string         // of the backend; the index is a directory in it
	Backend       foci.BackendID // the index of another backend is not used
	CacheBytes    int64          // block cache
	MemTableBytes int64
	ReadOnly      bool // commits fail
	Logger        *slog.Logger
}

// The names in the backend's directory.
const (
	dirName    = "index"
	damageNote = "index.damaged" // its presence: rebuild the index
)

func (o *Options) path() string { return o.FS.PathJoin(o.Dir, dirName) }
func (o *Options) note() string { return o.FS.PathJoin(o.Dir, damageNote) }

// Remove removes the index of a backend, so that the next one starts empty.
func Remove(fs vfs.FS, dir string) error { return fs.RemoveAll(fs.PathJoin(dir, dirName)) }

// format of Pebble is pinned: an older program must be able to read the index, or
// to see that it cannot.
const format = pebble.FormatColumnarBlocks

// Open opens the index of a backend, or creates an empty one where there is none
// that can be used. It waits while the disk is full.
func Open(o *Options, files *vfs.Waiting) (*Index, error) {
	err := discardDamaged(o, files)
	if err == nil {
		var x *Index
		if x, err = try(o, files); err == nil {
			return x, nil
		}
	}
	// The disk's own errors are no reason to throw an index away.
	var disk syscall.Errno
	if errors.As(err, &disk) {
		return nil, &foci.Error{
			Kind: foci.ReadOnly, Op: "open index", Where: o.path(), Err: err, Msg: "cannot be opened",
			Fix: "free space or repair the disk; the directory may be removed, it is rebuilt from the log",
		}
	}
	return Rebuild(o, files, err)
}

// Rebuild replaces the index by an empty one, to be filled from the log.
func Rebuild(o *Options, files *vfs.Waiting, reason error) (*Index, error) {
	o.Logger.Warn("index cannot be used, rebuilding it from the log", "dir", o.path(), "reason", reason)
	if err := files.RemoveAll(o.path()); err != nil {
		return nil, err
	}
	return try(o, files)
}

func try(o *Options, files *vfs.Waiting) (*Index, error) {
	dir := o.path()
	if err := vfs.MkdirAll(files, dir); err != nil {
		return nil, err
	}
	x := newIndex(o)
	x.files = files.Child()
	if err := x.open(o, pebbleOptions(o, x, x.files), dir); err != nil {
		return nil, err
	}
	x.files.OnLost(func(err error) { x.failed("fsync: " + err.Error()) })
	if err := x.belongsTo(o.Backend); err != nil {
		_ = x.db.Close()
		return nil, err
	}
	return x, nil
}

func newIndex(o *Options) *Index {
	return &Index{gone: make(chan struct{}), log: o.Logger.With("index", o.path())}
}

// belongsTo makes a new index the backend's, and refuses another backend's.
func (x *Index) belongsTo(backend foci.BackendID) error {
	whose, err := x.get(metaBackend)
	switch {
	case err != nil:
		return err
	case whose == nil:
		return x.db.Set(metaBackend, backend[:], pebble.NoSync)
	case string(whose) != string(backend[:]):
		return errors.New("it is of another backend")
	}
	return nil
}

func pebbleOptions(o *Options, x *Index, fs vfs.FS) *pebble.Options {
	opts := &pebble.Options{
		FS: unlocked{fs}, FormatMajorVersion: format, DisableWAL: true, ReadOnly: o.ReadOnly,
		MaxOpenFiles: 256,
		MemTableSize: uint64(o.MemTableBytes), MemTableStopWritesThreshold: 3,
		// Ids are random, so a compaction rewrites all of the level below: one
		// level does for as long as that is not large.
		L0CompactionThreshold: 4, LBaseMaxBytes: 256 << 20,
		CompactionConcurrencyRange: func() (int, int) { return 1, 1 },
		Logger:                     x,
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { x.troubled(err) },
			DataCorruption:  func(i pebble.DataCorruptionInfo) { x.damaged(o, i.Details) },
			FlushEnd: func(i pebble.FlushInfo) {
				if i.Err == nil {
					x.trouble.Store(nil)
				}
			},
		},
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		opts.Levels[i].IndexBlockSize = 256 << 10 // one level: one search less
	}
	return opts
}

// unlocked is a file system without locks: the backend's own lock is enough,
// and an index that has failed could not give its lock back.
type unlocked struct{ vfs.FS }

// Lock implements [vfs.FS].
func (unlocked) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// open opens Pebble on a goroutine of its own, which never ends when Pebble
// calls Fatalf, or when it waits for space and is given up.
func (x *Index) open(o *Options, opts *pebble.Options, dir string) error {
	opts.Cache = pebble.NewCache(o.CacheBytes)
	type outcome struct {
		db  *pebble.DB
		err error
	}
	opened := make(chan outcome, 1)
	go func() {
		defer opts.Cache.Unref()
		var r outcome
		defer func() {
			if p := recover(); p != nil { // damage that Pebble takes for a bug of its own
				r = outcome{err: fmt.Errorf("index: %v", p)}
			}
			opened <- r
		}()
		r.db, r.err = pebble.Open(dir, opts)
	}()
	select {
	case r := <-opened:
		x.db = r.db
		return r.err
	case <-x.gone:
		return errors.New(*x.trouble.Load())
	}
}
