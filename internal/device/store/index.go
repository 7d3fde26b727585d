package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/vfs"
)

// index says where things are in the log. It is derived from the log alone and
// holds the position up to which it has read it: whatever happens to it, the
// rest is read again, from there or from the beginning.
//
// It has no log of its own. Ours holds the same and is synced; a second one
// would double what a put writes and bring its own ways to fail.
type index struct {
	db      *pebble.DB
	trouble atomic.Pointer[string] // why it cannot write now; nil: it can
	opened  atomic.Bool
	failed  chan struct{} // closed: it must not be touched again, not even closed
	fail    sync.Once
	log     *slog.Logger
}

// indexFormat is pinned: an older program must be able to read the index, or
// to see that it cannot.
const indexFormat = pebble.FormatColumnarBlocks

// The keys of the rows about the backend.
var (
	metaBackend = []byte{rowMeta, 'b'}
	metaCursor  = []byte{rowMeta, 'c'}
	metaEpoch   = []byte{rowMeta, 'e'}
	metaFloors  = []byte{rowMeta, 'f'}
	metaTotals  = []byte{rowMeta, 't'}
)

// openIndex opens the index of a backend, or makes an empty one where there is
// none that can be used.
func openIndex(o *Options, backend foci.BackendID) (*index, error) {
	dir := o.FS.PathJoin(o.Dir, indexDir)
	err := discardDamaged(o)
	if err == nil {
		var x *index
		if x, err = tryIndex(o, dir, backend); err == nil {
			return x, nil
		}
	}
	// The disk's own errors are no reason to throw an index away.
	var disk syscall.Errno
	if errors.As(err, &disk) {
		return nil, &foci.Error{
			Kind: foci.ReadOnly, Op: "open index", Where: dir, Err: err, Msg: "cannot be opened",
			Fix: "free space or repair the disk; the directory may be removed, it is rebuilt from the log",
		}
	}
	return rebuildIndex(o, backend, err)
}

// rebuildIndex replaces the index by an empty one, which will be filled from
// the log.
func rebuildIndex(o *Options, backend foci.BackendID, reason error) (*index, error) {
	dir := o.FS.PathJoin(o.Dir, indexDir)
	o.Logger.Warn("index cannot be used, rebuilding it from the log", "dir", dir, "reason", reason)
	if err := o.FS.RemoveAll(dir); err != nil {
		return nil, err
	}
	return tryIndex(o, dir, backend)
}

func tryIndex(o *Options, dir string, backend foci.BackendID) (*index, error) {
	x, err := openPebble(o, dir)
	if err != nil {
		return nil, err
	}
	whose, err := x.get(metaBackend)
	switch {
	case err != nil:
	case whose == nil:
		err = x.db.Set(metaBackend, backend[:], pebble.NoSync)
	case string(whose) != string(backend[:]):
		err = errors.New("it is of another backend")
	}
	if err != nil {
		_ = x.db.Close()
		return nil, err
	}
	return x, nil
}

func openPebble(o *Options, dir string) (x *index, err error) {
	if err := vfs.MkdirAll(o.FS, dir); err != nil {
		return nil, err
	}
	x = &index{failed: make(chan struct{}), log: o.Logger.With("index", dir)}
	cache := pebble.NewCache(o.CacheBytes)
	defer cache.Unref()
	opts := &pebble.Options{
		FS: o.FS, FormatMajorVersion: indexFormat, DisableWAL: true,
		Cache: cache, MaxOpenFiles: 256,
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
	defer func() {
		if r := recover(); r != nil { // what Pebble considers fatal while opening
			x, err = nil, fmt.Errorf("index: %v", r)
		}
	}()
	x.db, err = pebble.Open(dir, opts)
	x.opened.Store(true)
	return x, err
}

// damaged leaves a note that makes the next start rebuild the index: damage
// that a read has met is not always met again while opening.
func (x *index) damaged(o *Options, what error) {
	x.log.Error("index is damaged; it will be rebuilt when the node is restarted", "err", what)
	if err := vfs.WriteFile(o.FS, o.FS.PathJoin(o.Dir, indexDamaged), nil); err != nil {
		x.log.Error("the note that the index is damaged cannot be written: remove the directory before the restart", "err", err)
	}
}

// discardDamaged removes an index that was found to be damaged.
func discardDamaged(o *Options) error {
	note := o.FS.PathJoin(o.Dir, indexDamaged)
	if _, err := o.FS.Stat(note); err != nil {
		return nil // no note
	}
	if err := o.FS.RemoveAll(o.FS.PathJoin(o.Dir, indexDir)); err != nil {
		return err
	}
	if err := vfs.SyncDir(o.FS, o.Dir); err != nil {
		return err
	}
	return o.FS.Remove(note)
}

func (x *index) troubled(err error) {
	why := "the index cannot write: " + err.Error()
	if x.trouble.Swap(&why) == nil {
		x.log.Error("index cannot write; no records are taken until it can", "err", err)
	}
}

// Infof implements Pebble's logger; its chatter is dropped.
func (x *index) Infof(string, ...any) {}

// Errorf implements Pebble's logger.
func (x *index) Errorf(format string, args ...any) { x.log.Debug(fmt.Sprintf(format, args...)) }

// Eventf implements Pebble's tracer.
func (x *index) Eventf(context.Context, string, ...any) {}

// IsTracingEnabled implements Pebble's tracer.
func (x *index) IsTracingEnabled(context.Context) bool { return false }

// Fatalf implements Pebble's logger, which expects the process to end. The
// other backends of the process have done nothing wrong, so only the goroutine
// that called ends: it waits for ever, holding what it holds, and the index is
// never asked to write again. Opening it anew takes a new process.
func (x *index) Fatalf(format string, args ...any) {
	if !x.opened.Load() {
		panic(fmt.Sprintf(format, args...)) // openPebble hears it
	}
	why := "the index has failed, restart the node: " + fmt.Sprintf(format, args...)
	x.trouble.Store(&why)
	x.fail.Do(func() { close(x.failed) })
	x.log.Error("index failed; the backend takes no records until the node is restarted", "err", why)
	select {}
}

// get is the value of a key, nil when there is none.
func (x *index) get(key []byte) ([]byte, error) {
	v, closer, err := x.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, indexError(err)
	}
	v = append([]byte{}, v...)
	return v, indexError(closer.Close())
}

// summary is the object's row; ok is false when there is none.
func (x *index) summary(id *foci.ID) (s summary, ok bool, err error) {
	var buf [1 + idLen]byte
	v, closer, err := x.db.Get(objectKey(buf[:0], id))
	if errors.Is(err, pebble.ErrNotFound) {
		return s, false, nil
	}
	if err != nil {
		return s, false, indexError(err)
	}
	s, err = parseSummary(v)
	if e := closer.Close(); err == nil {
		err = indexError(e)
	}
	return s, err == nil, err
}

// row reads an object's row, the zero summary when there is none; absent says
// that this is likely.
func (x *index) row(absent bool) func(*foci.ID) (summary, error) {
	if absent {
		return x.expected
	}
	return func(id *foci.ID) (summary, error) {
		s, _, err := x.summary(id)
		return s, err
	}
}

// expected is the object's row when there is most likely none, as for a put of
// a new object. Unlike a plain get it asks the filters of the lowest level,
// where nearly all rows are: a miss costs a third.
func (x *index) expected(id *foci.ID) (s summary, err error) {
	it, err := x.db.NewIter(&pebble.IterOptions{UseL6Filters: true})
	if err != nil {
		return s, indexError(err)
	}
	var buf [1 + idLen]byte
	if it.SeekPrefixGE(objectKey(buf[:0], id)) {
		s, err = parseSummary(it.Value())
	}
	if e := it.Close(); err == nil {
		err = indexError(e)
	}
	return s, err
}

// versions walks the version rows of an object from a version on, in order.
func (x *index) versions(id *foci.ID, from foci.Version) (*pebble.Iterator, error) {
	lower := versionKey(nil, id, from)
	upper := append(append([]byte{}, lower[:1+idLen]...), 0xff) // no version begins with 0xff
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, indexError(err)
	}
	it.First()
	return it, nil
}

// errIndex marks what is wrong with the index alone, and so mended by
// rebuilding it.
var errIndex = errors.New("the index is damaged")

func indexError(err error) error {
	if err == nil {
		return nil
	}
	return &foci.Error{
		Kind: foci.Corrupt, Op: "read index", Err: errors.Join(errIndex, err),
		Fix: "restart the node: the index is then rebuilt from the log",
	}
}

// close writes out what is in memory, so that the next start need not replay
// it. Failure loses nothing. It is false when the index has failed and may
// still hold its files.
func (x *index) close() bool {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if x.trouble.Load() == nil {
			if err := x.db.Flush(); err != nil {
				x.log.Warn("index not written out, it will be replayed from the log", "err", err)
			}
		}
		if err := x.db.Close(); err != nil {
			x.log.Warn("index closed with an error", "err", err)
		}
	}()
	select {
	case <-x.failed:
		return false
	case <-ended:
		return true
	}
}
