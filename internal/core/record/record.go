package record

import (
	"encoding/binary"
	"io"

	"github.com/zeebo/xxh3"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// Op is what a transaction does to its object.
type Op uint8

// The operations. Chunk is a part of a large object: never listed, never a base.
const (
	OpPut    Op = 1
	OpAppend Op = 2
	OpRemove Op = 3
	OpChunk  Op = 4
)

var opNames = map[Op]string{OpPut: "put", OpAppend: "append", OpRemove: "remove", OpChunk: "chunk"}

// String is the name used in output.
func (o Op) String() string {
	if n, ok := opNames[o]; ok {
		return n
	}
	return "unknown"
}

// MarshalText makes operations readable in JSON.
func (o Op) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// IsBase reports whether the operation replaces everything before it.
func (o Op) IsBase() bool { return o == OpPut || o == OpRemove || o == OpChunk }

// Valid reports whether the operation is known.
func (o Op) Valid() bool { return o >= OpPut && o <= OpChunk }

// Hash is the xxh3-128 of a transaction's content.
type Hash [16]byte

// Add adds o to h as a 128-bit number modulo 2^128: a sum in which order does
// not matter, so that a late append costs O(1).
func (h Hash) Add(o Hash) Hash {
	lo := binary.LittleEndian.Uint64(h[:8])
	hi := binary.LittleEndian.Uint64(h[8:])
	olo := binary.LittleEndian.Uint64(o[:8])
	ohi := binary.LittleEndian.Uint64(o[8:])
	sum := lo + olo
	carry := uint64(0)
	if sum < lo {
		carry = 1
	}
	var out Hash
	binary.LittleEndian.PutUint64(out[:8], sum)
	binary.LittleEndian.PutUint64(out[8:], hi+ohi+carry)
	return out
}

func hash128(v xxh3.Uint128) Hash {
	var h Hash
	binary.LittleEndian.PutUint64(h[:8], v.Lo)
	binary.LittleEndian.PutUint64(h[8:], v.Hi)
	return h
}

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

// Record is one transaction with everything that makes it up.
type Record struct {
	Entry
	ID      foci.ID
	Name    foci.Name // of a chunk: its bucket, and the object's key for people
	Meta    []byte    // the client's metadata, opaque here; of a chunk: its ChunkMeta
	Payload []byte    // travels as the body of the message, not in the encoding
}

// ContentHash hashes operation, manifest flag, metadata and payload. Transactions
// of one version are the same when their hashes are.
func ContentHash(op Op, manifest bool, meta, payload []byte) Hash {
	if len(meta) == 0 && !manifest {
		return hash128(xxh3.Hash128Seed(payload, uint64(op)))
	}
	h := xxh3.NewSeed(uint64(op))
	_, _ = h.Write(contentHead(manifest, meta))
	_, _ = h.Write(meta)
	_, _ = h.Write(payload)
	return hash128(h.Sum128())
}

// contentHead is hashed before metadata and payload.
func contentHead(manifest bool, meta []byte) []byte {
	var head [5]byte
	binary.LittleEndian.PutUint32(head[:4], uint32(len(meta)))
	if manifest {
		head[4] = 1
	}
	return head[:]
}

// SealFrom fills Length and Hash from the metadata and size bytes that r gives;
// the payload itself is not kept.
func (c *Record) SealFrom(r io.Reader, size int64) error {
	h := xxh3.NewSeed(uint64(c.Op))
	if len(c.Meta) > 0 || c.Manifest {
		_, _ = h.Write(contentHead(c.Manifest, c.Meta))
		_, _ = h.Write(c.Meta)
	}
	if _, err := io.CopyN(h, r, size); err != nil {
		return err
	}
	c.Length, c.Hash = uint32(size), hash128(h.Sum128())
	return nil
}

// Seal fills Length and Hash from the metadata and payload.
func (c *Record) Seal() {
	c.Length = uint32(len(c.Payload))
	c.Hash = ContentHash(c.Op, c.Manifest, c.Meta, c.Payload)
}

// Check reports a record whose parts do not belong together or break a rule.
// It reads the payload.
func (c *Record) Check() error {
	switch {
	case int(c.Length) != len(c.Payload):
		return foci.Errorf(foci.Protocol, "record %v of %v: %d bytes of payload, header says %d", c.Version, c.Name, len(c.Payload), c.Length)
	case c.Version.IsZero():
		return foci.Errorf(foci.Invalid, "record of %v: no version", c.Name)
	case c.Op == OpRemove && c.Length != 0:
		return foci.Errorf(foci.Invalid, "record %v of %v: a remove carries no payload", c.Version, c.Name)
	case !c.Manifest && c.Size != uint64(c.Length):
		return foci.Errorf(foci.Invalid, "record %v of %v: size %d is not its length %d", c.Version, c.Name, c.Size, c.Length)
	case !c.placed():
		return foci.Errorf(foci.Invalid, "record %v of %v: id does not belong to the name", c.Version, c.Name)
	case c.Hash != ContentHash(c.Op, c.Manifest, c.Meta, c.Payload):
		return foci.Errorf(foci.Corrupt, "record %v of %v: content hash does not match", c.Version, c.Name)
	}
	return c.Name.Validate()
}

// placed reports whether the id is that of the name, or of the chunk that the
// metadata names: a chunk must not be stored in an object's place.
func (c *Record) placed() bool {
	if c.Op != OpChunk {
		return c.ID == foci.ObjectID(c.Name)
	}
	var m ChunkMeta
	return codec.Unmarshal(c.Meta, &m) == nil && c.ID == foci.ChunkID(c.Name.Bucket, m.Upload, m.Index)
}

// ChunkMeta is the metadata of a chunk: with the bucket it makes up its id.
type ChunkMeta struct {
	Upload foci.UploadID
	Index  uint32
}

// Append encodes.
func (m *ChunkMeta) Append(b []byte) []byte {
	return codec.AppendU32(append(b, m.Upload[:]...), m.Index)
}

// Decode decodes.
func (m *ChunkMeta) Decode(r *codec.Reader) {
	r.Fixed(m.Upload[:])
	m.Index = r.U32()
}

// Append encodes everything but the payload.
func (c *Record) Append(b []byte) []byte {
	b = c.Entry.Append(b)
	b = append(b, c.ID[:]...)
	b = codec.AppendString(codec.AppendString(b, c.Name.Bucket), c.Name.Key)
	return codec.AppendBytes(b, c.Meta)
}

// Decode reads what Append wrote; Payload stays as it is.
func (c *Record) Decode(r *codec.Reader) {
	c.Entry.Decode(r)
	r.Fixed(c.ID[:])
	c.Name.Bucket = r.String(foci.MaxBucketLen)
	c.Name.Key = r.String(foci.MaxKeyLen)
	c.Meta = r.Bytes(foci.MaxMetaLen)
}

// Watermark is the GC watermark of a range of ids: what a backend remembers of
// removed objects whose records, tombstones included, it has dropped.
type Watermark struct {
	Version foci.Version // every dropped record is at or below it
	Drops   uint64       // number of drops: Version alone does not change with each
}

const watermarkSize = 16 + 8

// Append encodes.
func (f *Watermark) Append(b []byte) []byte {
	return codec.AppendU64(codec.AppendVersion(b, f.Version), f.Drops)
}

// Decode decodes.
func (f *Watermark) Decode(r *codec.Reader) { f.Version, f.Drops = r.Version(), r.U64() }

// Raise is the watermark after a record of version v was dropped.
func (f Watermark) Raise(v foci.Version) Watermark {
	if f.Version.Less(v) {
		f.Version = v
	}
	f.Drops++
	return f
}

// MaxCount is the most transactions from the base up that a replica holds.
// Writers stop at foci.MaxAppends appends. Appends already under way then exceed
// that and must fit, or replicas that took different ones could never converge.
const MaxCount = 2*foci.MaxAppends + 1

// Vote is a replica's answer to a version query: its state of one object, small
// whatever the object's size.
// Two replicas hold the same current content when Base, Count and Sum agree.
type Vote struct {
	Base      foci.Version // latest put or remove; zero when there is none
	BaseOp    Op           // of the base; 0 when there is none
	Count     uint32       // transactions from the base up
	Sum       Hash         // commutative sum of their Entry.Sum
	Size      uint64       // bytes of content from the base up
	Newest    foci.Version // newest version held
	Watermark Watermark    // of the object's range
}

// Same reports whether both replicas hold the same current content.
func (v *Vote) Same(w *Vote) bool {
	return v.Base == w.Base && v.Count == w.Count && v.Sum == w.Sum
}

// Seen is the newest version known to the replica, dropped ones included.
func (v *Vote) Seen() foci.Version {
	if v.Newest.Less(v.Watermark.Version) {
		return v.Watermark.Version
	}
	return v.Newest
}

// Exists reports whether the object has content: a put, or appends without one.
func (v *Vote) Exists() bool {
	if v.BaseOp == OpRemove {
		return v.Count > 1
	}
	return v.Count > 0
}

// VoteSize is the length of an encoded Vote.
const VoteSize = 16 + 1 + 4 + 16 + 8 + 16 + watermarkSize

// Append encodes.
func (v *Vote) Append(b []byte) []byte {
	b = append(codec.AppendVersion(b, v.Base), byte(v.BaseOp))
	b = append(codec.AppendU32(b, v.Count), v.Sum[:]...)
	b = codec.AppendU64(b, v.Size)
	return v.Watermark.Append(codec.AppendVersion(b, v.Newest))
}

// Decode decodes.
func (v *Vote) Decode(r *codec.Reader) {
	v.Base = r.Version()
	v.BaseOp = Op(r.U8())
	v.Count = r.U32()
	r.Fixed(v.Sum[:])
	v.Size = r.U64()
	v.Newest = r.Version()
	v.Watermark.Decode(r)
	if v.BaseOp != 0 && !v.BaseOp.IsBase() || v.Count > MaxCount {
		r.Fail()
	}
}
