package store

import (
	"context"
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

// index says where things are in the log. It is derived from the log alone and
// holds the position up to which it has read it: whatever happens to it, the
// rest is read again, from there or from the beginning.
//
// It has no log of its own. Ours holds the same and is synced; a second one
// would double what a put writes and bring its own ways to fail.
type index struct {
	db      *pebble.DB
	files   *vfs.Waiting           // nil: it changes in memory only
	fork    *vfs.Fork              // its files then
	trouble atomic.Pointer[string] // why it cannot write now; nil: it can
	gone    chan struct{}          // closed: it is not written to any more, and must not be closed
	once    sync.Once
	log     *slog.Logger
}

// indexFormat is pinned: an older program must be able to read the index, or
// to see that it cannot.
const indexFormat = pebble.FormatColumnarBlocks

// The keys of the rows about the backend.
var (
	metaBackend    = []byte{rowMeta, 'b'}
	metaCursor     = []byte{rowMeta, 'c'}
	metaEpoch      = []byte{rowMeta, 'e'}
	metaWatermarks = []byte{rowMeta, 'f'}
	metaTotals     = []byte{rowMeta, 't'}
)

// openIndex opens the index of a backend, or makes an empty one where there is
// none that can be used. It waits while the disk is full.
func openIndex(o *Options, files *vfs.Waiting, backend foci.BackendID) (*index, error) {
	dir := o.FS.PathJoin(o.Dir, indexDir)
	err := discardDamaged(o, files)
	if err == nil {
		var x *index
		if x, err = tryIndex(o, files, dir, backend); err == nil {
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
	return rebuildIndex(o, files, backend, err)
}

// rebuildIndex replaces the index by an empty one, which will be filled from
// the log.
func rebuildIndex(o *Options, files *vfs.Waiting, backend foci.BackendID, reason error) (*index, error) {
	dir := o.FS.PathJoin(o.Dir, indexDir)
	o.Logger.Warn("index cannot be used, rebuilding it from the log", "dir", dir, "reason", reason)
	if err := files.RemoveAll(dir); err != nil {
		return nil, err
	}
	return tryIndex(o, files, dir, backend)
}

func tryIndex(o *Options, files *vfs.Waiting, dir string, backend foci.BackendID) (*index, error) {
	if err := vfs.MkdirAll(files, dir); err != nil {
		return nil, err
	}
	x := newIndex(o, dir)
	x.files = files.Child()
	if err := x.open(o, pebbleOptions(o, x, x.files), dir); err != nil {
		return nil, err
	}
	x.files.OnLost(func(err error) { x.failed("fsync: " + err.Error()) })
	if err := x.belongsTo(backend); err != nil {
		_ = x.db.Close()
		return nil, err
	}
	return x, nil
}

func newIndex(o *Options, dir string) *index {
	return &index{gone: make(chan struct{}), log: o.Logger.With("index", dir)}
}

// belongsTo makes a new index the backend's, and refuses another backend's.
func (x *index) belongsTo(backend foci.BackendID) error {
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

func pebbleOptions(o *Options, x *index, fs vfs.FS) *pebble.Options {
	opts := &pebble.Options{
		FS: unlocked{fs}, FormatMajorVersion: indexFormat, DisableWAL: true,
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
func (x *index) open(o *Options, opts *pebble.Options, dir string) error {
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

// errGone is the outcome of a commit to an index that has failed.
var errGone = errors.New("the index has failed")

// commit writes rows while the log is replayed. It does not wait for an index
// that fails meanwhile, or is given up.
func (x *index) commit(rows *pebble.Batch) error {
	ended := make(chan error, 1)
	go func() { ended <- rows.Commit(pebble.NoSync) }()
	select {
	case err := <-ended:
		return err
	case <-x.gone:
		return errGone
	}
}

// full returns a channel that is closed while the index waits for space.
func (x *index) full() <-chan struct{} {
	if x.files == nil {
		return nil
	}
	return x.files.Full()
}

// abandon gives the index up: nothing of it is written any more.
func (x *index) abandon() {
	x.once.Do(func() { close(x.gone) })
	if x.files != nil {
		x.files.Cut()
	}
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
func discardDamaged(o *Options, files *vfs.Waiting) error {
	note := o.FS.PathJoin(o.Dir, indexDamaged)
	if _, err := o.FS.Stat(note); err != nil {
		return nil // no note
	}
	if err := files.RemoveAll(o.FS.PathJoin(o.Dir, indexDir)); err != nil {
		return err
	}
	if err := vfs.SyncDir(files, o.Dir); err != nil {
		return err
	}
	return files.Remove(note)
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
	x.failed(fmt.Sprintf(format, args...))
	select {}
}

// failed ends all writing to the index.
func (x *index) failed(what string) {
	why := "the index has failed, restart the node: " + what
	x.trouble.Store(&why)
	x.log.Error("index failed; the backend takes no records until the node is restarted", "err", why)
	x.abandon()
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
// it. Failure loses nothing. An index that has failed, or waits for space, is
// given up.
func (x *index) close() {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if x.trouble.Load() == nil && x.files != nil {
			if err := x.db.Flush(); err != nil {
				x.log.Warn("index not written out, it will be replayed from the log", "err", err)
			}
		}
		if err := x.db.Close(); err != nil {
			x.log.Warn("index closed with an error", "err", err)
		}
	}()
	select {
	case <-ended:
	case <-x.gone:
	case <-x.full():
	}
	x.abandon()
	if x.fork != nil {
		_ = x.fork.Release()
	}
}
