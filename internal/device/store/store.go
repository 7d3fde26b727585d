// Package store keeps one backend: one directory on one disk, in which
// append-only segments hold the records and are the truth, and an index over
// them says where things are and can be lost without loss.
//
// A record is visible, to every method here, only after its fsync. Writes are
// committed in groups: while one group is being fsynced the next one gathers,
// and while that one is fsynced the one before enters the index.
package store

import (
	"log/slog"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/vfs"
)

// Options say where a backend is and how much it may take. Zero values mean
// what each field says.
type Options struct {
	FS      vfs.FS         // nil: the operating system's
	Dir     string         // the backend's directory; made when missing
	Cluster string         // name of the cluster; a directory of another one is refused
	ID      foci.BackendID // zero: the one stored in the directory, or a new one
	Now     func() int64   // the node's clock, nanoseconds since 1970; nil: time.Now

	SegmentBytes    int64 // a segment is closed beyond this size; 0: 256 MiB; at most 1 GiB
	MaxBatchRecords int   // records committed by one fsync; 0: 1024
	MaxBatchBytes   int64 // bytes committed by one fsync; 0: 16 MiB
	MaxQueueRecords int   // records that wait for their fsync, over it Put is Busy; 0: 8192
	MaxQueueBytes   int64 // bytes that wait for their fsync, over it Put is Busy; 0: 64 MiB
	ReserveBytes    int64 // free space that writes leave on the disk; 0: 64 MiB; negative: none
	CacheBytes      int64 // the index's block cache; 0: 16 MiB
	MemTableBytes   int64 // the index's memory table; 0: 4 MiB

	Logger *slog.Logger // nil: slog.Default
}

// Stats is what a backend holds and how it is.
type Stats struct {
	Records  uint64 // transactions, of objects and chunks
	Objects  uint64 // objects and chunks that have at least one transaction
	Bytes    uint64 // of their payloads
	Segments int
	Queued   int    // records that wait for their fsync
	ReadOnly string // why no writes are taken; empty: they are
	NotReady string // why no questions are answered; empty: they are
}

// Backend is an open directory. All methods may be called at the same time.
type Backend struct {
	opts Options
}

// Open opens the directory, or makes it, and replays what the index missed. A
// backend whose log is damaged opens, answers everything with NotReady, and
// says why in its Stats.
//
// It fails with Denied for a directory of another cluster or backend, with
// Busy when another process has it open, and with ReadOnly when it cannot be
// written to.
func Open(o Options) (*Backend, error) { return &Backend{opts: o}, nil }

// ID is the backend's identity, which stays with the directory.
func (b *Backend) ID() foci.BackendID { return b.opts.ID }

// Put keeps a record and calls done once: when the record is fsynced and
// visible (dup: it was already), or with the reason why it is not kept. s and
// its payload belong to the store until then. done must be quick; it may run
// before Put returns. The caller has checked the record ([wire.Record.Check]).
//
// Kinds of errors: Busy (too much waits already), ReadOnly, NotReady, Conflict,
// ClockAhead, BelowFloor, TooLarge, Invalid, Closed.
func (b *Backend) Put(s *wire.Store, done func(dup bool, err error)) {}

// Query is the backend's vote on an object. When the object's content is
// exactly one put of at most inline bytes it comes along as rec.
//
// Kinds of errors: NotReady, Corrupt, Closed.
func (b *Backend) Query(id foci.ID, inline uint32) (v wire.Vote, rec *wire.Record, err error) {
	return v, rec, err
}

// Have says whether the backend has a version of an object.
func (b *Backend) Have(id foci.ID, v foci.Version, h wire.Hash) (wire.HaveState, error) {
	return 0, nil
}

// Fetch reads an object's log and content as [wire.Fetch] says. The content is
// appended to dst[:0]. An object without transactions in the range has no
// entries; that is no error. rep.Epoch is left to the caller.
//
// Kinds of errors: NotReady, Corrupt (stored bytes are damaged), Closed.
func (b *Backend) Fetch(f *wire.Fetch, dst []byte) (rep wire.FetchReply, body []byte, err error) {
	return rep, body, err
}

// List is a page of a bucket's keys, removed ones included. rep.Epoch is left
// to the caller.
func (b *Backend) List(l *wire.List) (rep wire.ListReply, err error) { return rep, err }

// Scan calls fn for every object and chunk with from ≤ id ≤ to, in order,
// until it returns false. It sees one moment of the backend.
func (b *Backend) Scan(from, to foci.ID, fn func(id foci.ID, v wire.Vote) bool) error { return nil }

// Floor is the version up to which removed objects of the id's range were
// destroyed.
func (b *Backend) Floor(id foci.ID) foci.Version { return foci.Version{} }

// RaiseFloor raises the floor of the ids whose prefixes are from..to, both
// included, and returns when that is durable. Where it is higher already it
// stays.
func (b *Backend) RaiseFloor(from, to uint64, v foci.Version) error { return nil }

// Epoch is the highest layout epoch that the backend has adopted.
func (b *Backend) Epoch() foci.Epoch { return 0 }

// SetEpoch adopts an epoch and returns when that is durable. A lower one than
// the backend's changes nothing.
func (b *Backend) SetEpoch(e foci.Epoch) error { return nil }

// Stats is a snapshot.
func (b *Backend) Stats() Stats { return Stats{} }

// Close waits for what has been accepted, and closes. It may be called again.
func (b *Backend) Close() error { return nil }
