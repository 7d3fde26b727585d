// Package storetest is the conformance suite of stores: every implementation of a
// backend's records must pass it.
package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/object"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// Store is what is tested.
type Store interface {
	Put(s *wire.Store, done func(dup bool, err error))
	Query(id foci.ID, inline uint32) (record.Vote, *record.Record, error)
	Have(id foci.ID, v foci.Version, h record.Hash) (wire.HaveState, error)
	Fetch(f *wire.Fetch, dst []byte) (wire.FetchReply, []byte, error)
	List(l *wire.List) (wire.ListReply, error)
	Scan(from, to foci.ID, fn func(id foci.ID, v record.Vote) bool) error
	Watermark(id foci.ID) record.Watermark
	RaiseWatermark(from, to uint64, v foci.Version) error
	Epoch() foci.Epoch
	SetEpoch(e foci.Epoch) error
	Close() error
}

// Now is the clock that the stores under test must have.
const Now = int64(1_000_000_000_000_000_000)

// Patience is how long a test waits for an acknowledgement.
const Patience = 20 * time.Second

// Record makes a record of the object bucket/key with a version of that time.
func Record(op record.Op, key string, at int64, payload, meta []byte) record.Record {
	n := foci.Name{Bucket: "bucket", Key: key}
	r := record.Record{ID: foci.ObjectID(n), Name: n, Meta: meta, Payload: payload}
	r.Version, r.Op, r.Size = foci.Version{Time: at, Nonce: uint64(at)*7 + 1}, op, uint64(len(payload))
	r.Seal()
	return r
}

// Chunk makes a chunk of an upload.
func Chunk(upload byte, index uint32, at int64, payload []byte) record.Record {
	r := Record(record.OpChunk, fmt.Sprintf("upload-%d", upload), at, payload, nil)
	r.ID = foci.ChunkID("bucket", foci.UploadID{upload}, index)
	return r
}

// Put stores one record and waits.
func Put(s Store, r record.Record) (dup bool, err error) {
	return PutStore(s, &wire.Store{Record: r})
}

// PutStore stores what a request asks for and waits.
func PutStore(s Store, req *wire.Store) (dup bool, err error) {
	type outcome struct {
		dup bool
		err error
	}
	ended := make(chan outcome, 1)
	s.Put(req, func(dup bool, err error) { ended <- outcome{dup, err} })
	select {
	case o := <-ended:
		return o.dup, o.err
	case <-time.After(Patience):
		return false, foci.Errorf(foci.Internal, "no acknowledgement within %v", Patience)
	}
}

// Model is what a store should hold.
type Model struct {
	mu   sync.Mutex
	Logs map[foci.ID]*object.Log
	Name map[foci.ID]foci.Name // of objects, not chunks
}

// NewModel is an empty model.
func NewModel() *Model {
	return &Model{Logs: make(map[foci.ID]*object.Log), Name: make(map[foci.ID]foci.Name)}
}

// Add adds a record, as a store would.
func (m *Model) Add(r record.Record) (dup bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.Logs[r.ID]
	if l == nil {
		l = new(object.Log)
		m.Logs[r.ID] = l
		if r.Op != record.OpChunk {
			m.Name[r.ID] = r.Name
		}
	}
	return l.Add(r)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
