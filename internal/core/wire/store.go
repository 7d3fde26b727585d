package wire

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/version"
)

// Store asks a replica to keep a record.
type Store struct {
	Target
	// Seen is the newest time that the sender's phase one was told of. Replicas
	// ignore it: it is the sender's claim.
	Seen int64
	// Repair marks a record that some replica already holds, sent by a reader
	// that found it missing. It may be at or below the replica's watermark, but
	// only while that watermark is still Watermark, the one that the reader saw.
	Repair    bool
	Watermark record.Watermark
	Record    record.Record // payload in the body

	// Evidence is what the replica itself has found out about the record's
	// time. It does not travel.
	Evidence version.Evidence
}

// Append encodes.
func (s *Store) Append(b []byte) []byte {
	b = codec.AppendU64(s.append(b), uint64(s.Seen))
	b = s.Watermark.Append(codec.AppendBool(b, s.Repair))
	return s.Record.Append(b)
}

// Decode decodes.
func (s *Store) Decode(r *codec.Reader) {
	s.decode(r)
	s.Seen = r.I64()
	s.Repair = r.Bool()
	s.Watermark.Decode(r)
	s.Record.Decode(r)
}

// StoreReply acknowledges: the record is fsynced and visible.
type StoreReply struct {
	Epoch foci.Epoch
	Clock int64
	Dup   bool // it was there already
}

// Append encodes.
func (s *StoreReply) Append(b []byte) []byte {
	return codec.AppendBool(codec.AppendU64(codec.AppendU64(b, uint64(s.Epoch)), uint64(s.Clock)), s.Dup)
}

// Decode decodes.
func (s *StoreReply) Decode(r *codec.Reader) {
	s.Epoch = foci.Epoch(r.U64())
	s.Clock = r.I64()
	s.Dup = r.Bool()
}

// About is the object or chunk.
func (s *Store) About() foci.ID { return s.Record.ID }

func (s *Store) needs() Need {
	if mutant.On(mutant.ReaderStores) {
		return Need{Anyone: true}
	}
	return Need{Op: rights.Write, Verb: "write", Bucket: s.Record.Name.Bucket}
}

// Have asks whether a replica holds a version, before a body is sent again.
type Have struct {
	Target
	ID      foci.ID
	Version foci.Version
	Hash    record.Hash
	Scope
}

// Append encodes.
func (h *Have) Append(b []byte) []byte {
	b = append(h.append(b), h.ID[:]...)
	return h.appendScope(append(codec.AppendVersion(b, h.Version), h.Hash[:]...))
}

// Decode decodes.
func (h *Have) Decode(r *codec.Reader) {
	h.decode(r)
	r.Fixed(h.ID[:])
	h.Version = r.Version()
	r.Fixed(h.Hash[:])
	h.decodeScope(r)
}

// HaveState answers Have.
type HaveState uint8

// The answers to Have.
const (
	HaveNo         HaveState = 0
	HaveInProgress HaveState = 1 // received, not yet fsynced
	HaveStored     HaveState = 2 // fsynced and visible: as good as an acknowledgement
	HaveConflict   HaveState = 3 // the version is there with other content
)

// HaveReply answers Have.
type HaveReply struct {
	Epoch foci.Epoch
	State HaveState
}

// Append encodes.
func (h *HaveReply) Append(b []byte) []byte {
	return append(codec.AppendU64(b, uint64(h.Epoch)), byte(h.State))
}

// Decode decodes.
func (h *HaveReply) Decode(r *codec.Reader) {
	h.Epoch = foci.Epoch(r.U64())
	h.State = HaveState(r.U8())
	if h.State > HaveConflict {
		r.Fail()
	}
}

// About is the object or chunk.
func (h *Have) About() foci.ID { return h.ID }

func (h *Have) needs() Need {
	n := h.reads(h.ID)
	n.Or = rights.Write // whether a record has arrived is asked by its writer
	return n
}
