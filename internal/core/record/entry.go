package record

import (
	"github.com/zeebo/xxh3"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// Entry is a transaction without its payload: what logs, votes and listings
// are made of.
type Entry struct {
	Version  foci.Version
	Op       Op
	Manifest bool   // the payload is a manifest of chunks, not content
	Size     uint64 // bytes of content that the transaction stands for
	Length   uint32 // bytes of payload
	Hash     Hash   // of operation, manifest flag, metadata and payload
}

// EntrySize is the length of an encoded Entry.
const EntrySize = 16 + 1 + 1 + 8 + 4 + 16

// Sum is the entry's part in the sum of a vote: a hash over everything that
// makes it this transaction.
func (e *Entry) Sum() Hash {
	var b [16 + 1 + 16]byte
	v := e.Version.Bytes()
	copy(b[:16], v[:])
	b[16] = byte(e.Op)
	copy(b[17:], e.Hash[:])
	return hash128(xxh3.Hash128(b[:]))
}

// Append encodes.
func (e *Entry) Append(b []byte) []byte {
	b = codec.AppendVersion(b, e.Version)
	b = codec.AppendBool(append(b, byte(e.Op)), e.Manifest)
	b = codec.AppendU32(codec.AppendU64(b, e.Size), e.Length)
	return append(b, e.Hash[:]...)
}

// Decode decodes; sizes over the limits are malformed.
func (e *Entry) Decode(r *codec.Reader) {
	e.Version = r.Version()
	e.Op = Op(r.U8())
	e.Manifest = r.Bool()
	e.Size = r.U64()
	e.Length = r.U32()
	r.Fixed(e.Hash[:])
	if !e.Op.Valid() || e.Length > foci.MaxPayload || e.Size > 1<<62 {
		r.Fail()
	}
}
