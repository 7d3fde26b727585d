package record

import (
	"io"

	"github.com/zeebo/xxh3"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// Record is one transaction with everything that makes it up.
type Record struct {
	Entry
	ID      foci.ID
	Name    foci.Name // of a chunk: its bucket, and the object's key for people
	Meta    []byte    // the client's metadata, opaque here; of a chunk: its ChunkMeta
	Payload []byte    // travels as the body of the message, not in the encoding
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
