package store

import (
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/store/index"
)

// Stats is the content and state of a backend.
type Stats struct {
	Records  uint64 // transactions, of objects and chunks
	Objects  uint64 // objects and chunks that have at least one transaction
	Bytes    uint64 // of their payloads
	Segments int
	Queued   int    // records that wait for their fsync
	Hints    int    // objects, each with a group that may lack something of it
	Unhinted uint64 // hints refused because there were too many, since the start
	ReadOnly string // why writes are refused; empty: they are accepted
	NotReady string // why requests are refused; empty: they are answered
}

// Backend is an open directory. All methods may be called at the same time.
type Backend struct {
	opts  Options
	id    foci.BackendID
	log   *slog.Logger
	lock  io.Closer
	index *index.Index
	files *segment.Files
	queue *queue
	ended chan struct{} // nothing is committed any more

	life    sync.RWMutex // held for reading while index and files are used
	closed  bool
	closing chan struct{} // closed by Close
	close   sync.Once

	watermarks atomic.Pointer[index.Watermarks]
	epoch      atomic.Uint64
	segments   atomic.Uint64

	hints        hints
	sightings    sightings
	visibleBatch atomic.Uint64 // number of the newest batch in the index
	totals       sharedTotals

	notReady error                      // the log is damaged; set once, by Open
	stopped  atomic.Pointer[foci.Error] // why no record will be taken any more
	full     atomic.Pointer[foci.Error] // why the last batch could not be written
	inMemory atomic.Pointer[foci.Error] // the disk was full at start: why no records are taken yet
}

// maxOpenSegments is how many segments are kept open for reading.
const maxOpenSegments = 512

// Open opens the directory, or makes it, and replays the records that the index lacks.
// A backend with a damaged log opens, answers everything with NotReady, and states the
// reason in its Stats.
//
// It fails with Denied for a directory of another cluster or backend, with
// Busy when another process has it open, and with ReadOnly when it cannot be
// written to.
func Open(o Options) (*Backend, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	l, err := lock(&o)
	if err != nil {
		return nil, err
	}
	b := &Backend{opts: o, lock: l, queue: newQueue(&o), ended: make(chan struct{}), closing: make(chan struct{})}
	b.hints.init(o.MaxHints)
	if err := b.open(); err != nil {
		_ = l.Close()
		return nil, err
	}
	return b, nil
}

func (b *Backend) open() error {
	who, err := identify(&b.opts)
	if err != nil {
		return err
	}
	b.id = who.Backend
	b.log = b.opts.Logger.With("backend", b.id.Short())
	b.watermarks.Store(new(index.Watermarks))
	b.files = segment.NewFiles(b.opts.FS, b.segmentsDir(), maxOpenSegments)
	a := b.attempt()
	select {
	case r := <-a.done:
		err := b.opened(r)
		if err != nil {
			a.files.CutAll()
		}
		return err
	case <-a.files.Full():
		return b.openFull(a)
	}
}

// opened continues after an attempt to open the index.
func (b *Backend) opened(r recovered) error {
	switch {
	case r.err == nil:
		b.install(r.replayer, r.committer.prev)
		b.start(r.committer)
	case r.index != nil && foci.KindOf(r.err) == foci.Corrupt:
		b.damaged(r.index, r.err)
	case r.index != nil:
		r.index.Close()
		return foci.Errorf(foci.ReadOnly, "open backend %s: %w", b.opts.Dir, r.err)
	default:
		return r.err
	}
	return nil
}

// damaged makes the backend answer everything with NotReady.
func (b *Backend) damaged(x *index.Index, err error) {
	b.index = x
	b.notReady = &foci.Error{
		Kind: foci.NotReady, Op: "open backend", Where: b.opts.Dir, Msg: "the log is damaged", Err: err,
		Fix: "give the node an empty directory in its place: it is filled from the other groups",
	}
	b.log.Error("backend does not answer", "err", b.notReady)
	close(b.ended)
}

func (b *Backend) start(c *committer) {
	c.back = make(chan *commitBatch, movingBatches)
	for range movingBatches {
		c.free = append(c.free, new(commitBatch))
	}
	for range movingBatches {
		go c.work()
	}
	go c.watch()
}

func (b *Backend) segmentsDir() string { return b.opts.FS.PathJoin(b.opts.Dir, segmentsDir) }

// ID is the backend's identity, which stays with the directory.
func (b *Backend) ID() foci.BackendID { return b.id }

// enterUse begins a use of index and files; leaveUse ends it.
func (b *Backend) enterUse() error {
	b.life.RLock()
	switch {
	case b.closed:
		b.life.RUnlock()
		return errClosed()
	case b.notReady != nil:
		b.life.RUnlock()
		return b.notReady
	}
	return nil
}

func (b *Backend) leaveUse() { b.life.RUnlock() }

// Watermark returns the watermark of the id's range.
func (b *Backend) Watermark(id foci.ID) record.Watermark { return b.watermarks.Load().Of(id.Prefix()) }

// RaiseWatermark raises the watermark of the ids with prefixes from..to, both included,
// before records as new as v are destroyed there. It returns when that is durable.
// Watermarks rise with every call, see [record.Watermark.Raise].
func (b *Backend) RaiseWatermark(from, to uint64, v foci.Version) error {
	if from > to || v.Time < 0 || v.Time >= foci.MaxTime {
		return foci.Errorf(foci.Invalid, "watermark %v of prefixes %x to %x", v, from, to)
	}
	return b.control(watermarkRecord(from, to, v))
}

// Epoch is the highest layout epoch that the backend has adopted.
func (b *Backend) Epoch() foci.Epoch { return foci.Epoch(b.epoch.Load()) }

// SetEpoch adopts an epoch and returns when that is durable. A lower one than
// the backend's changes nothing.
func (b *Backend) SetEpoch(e foci.Epoch) error {
	r := segment.Record{Kind: segment.Epoch}
	r.Entry.Size = uint64(e)
	return b.control(r)
}

func (b *Backend) control(r segment.Record) error {
	if err := b.refusal(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	if err := b.queue.put(item{rec: r, done: func(_ bool, err error) { ended <- err }}); err != nil {
		return err
	}
	return <-ended
}

// Stats is a snapshot.
func (b *Backend) Stats() Stats {
	t := b.totals.load()
	s := Stats{
		Records: t.Records, Objects: t.Objects, Bytes: t.Bytes,
		Segments: int(b.segments.Load()), Queued: b.queue.len(),
	}
	s.Hints, s.Unhinted = b.hints.stats()
	if b.notReady != nil {
		s.NotReady = b.notReady.Error()
	}
	if err := b.refusal(); err != nil {
		s.ReadOnly = err.Error()
	} else if e := b.full.Load(); e != nil {
		s.ReadOnly = e.Error()
	}
	return s
}

// Close waits for the accepted records, and closes. It may be called again. It does not
// wait for space on the disk: the next Open replays from the log what the index lacks.
func (b *Backend) Close() error {
	b.queue.close()
	b.close.Do(func() { close(b.closing) })
	b.awaitEnd()
	b.life.Lock()
	defer b.life.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	b.index.Close()
	return errors.Join(b.files.Close(), b.lock.Close())
}

// awaitEnd waits until nothing is committed any more, and gives up an index that
// commits would wait for.
func (b *Backend) awaitEnd() {
	for {
		b.life.RLock()
		x := b.index
		b.life.RUnlock()
		select {
		case <-b.ended:
			return
		case <-x.Full():
			x.Abandon()
			<-b.ended
			return
		case <-time.After(awaitEndLook): // the index may be another one
		}
	}
}

// awaitEndLook is how often Close looks which index the backend has.
const awaitEndLook = time.Second
