package record

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// Manifest says which chunks have the content of a large object, or of a part
// of one.
type Manifest struct {
	Upload  foci.UploadID
	Chunk   uint32 // bytes of each chunk but the last
	Size    uint64 // bytes of content
	Version foci.Version
}

// ManifestSize is the length of an encoded manifest.
const ManifestSize = 1 + len(foci.UploadID{}) + 4 + 8 + 16

// manifestFormat is the first byte of every manifest.
const manifestFormat = 1

// Chunks is the number of chunks.
func (m *Manifest) Chunks() int { return int((m.Size + uint64(m.Chunk) - 1) / uint64(m.Chunk)) }

// ChunkLen is the length of a chunk.
func (m *Manifest) ChunkLen(index int) int {
	return int(min(uint64(m.Chunk), m.Size-uint64(index)*uint64(m.Chunk)))
}

// Append encodes.
func (m *Manifest) Append(b []byte) []byte {
	b = append(append(b, manifestFormat), m.Upload[:]...)
	return codec.AppendVersion(codec.AppendU64(codec.AppendU32(b, m.Chunk), m.Size), m.Version)
}

// Decode decodes; a manifest of no or too many chunks is malformed.
func (m *Manifest) Decode(r *codec.Reader) {
	if r.U8() != manifestFormat {
		r.Fail()
	}
	r.Fixed(m.Upload[:])
	m.Chunk = r.U32()
	m.Size = r.U64()
	m.Version = r.Version()
	if m.Chunk == 0 || m.Chunk > foci.MaxPayload || m.Size == 0 || m.Size > foci.MaxChunks*foci.MaxPayload || m.Size > foci.MaxChunks*uint64(m.Chunk) {
		r.Fail()
	}
}

// Head is the payload of a put or append whose content is in chunks: the
// manifests of its parts in order, one after the other. Most heads have one.
type Head []Manifest

// Size is the number of bytes of content.
func (h Head) Size() (size uint64) {
	for i := range h {
		size += h[i].Size
	}
	return size
}

// Chunks is the number of chunks.
func (h Head) Chunks() (n int) {
	for i := range h {
		n += h[i].Chunks()
	}
	return n
}

// Append encodes.
func (h Head) Append(b []byte) []byte {
	for i := range h {
		b = h[i].Append(b)
	}
	return b
}

// DecodeHead decodes the whole payload of a record with the manifest flag. A
// head of no or too many manifests or chunks is malformed.
func DecodeHead(b []byte) (Head, error) {
	if len(b) == 0 || len(b)%ManifestSize != 0 || len(b) > MaxHead {
		return nil, foci.Errorf(foci.Protocol, "a head of %d bytes: want 1 to %d manifests of %d", len(b), foci.MaxParts, ManifestSize)
	}
	h := make(Head, len(b)/ManifestSize)
	for i := range h {
		if err := codec.Unmarshal(b[i*ManifestSize:][:ManifestSize], &h[i]); err != nil {
			return nil, err
		}
	}
	if h.Chunks() > foci.MaxChunks {
		return nil, foci.Errorf(foci.Protocol, "a head of %d chunks, want at most %d", h.Chunks(), foci.MaxChunks)
	}
	return h, nil
}

// MaxHead is the length of the longest head.
const MaxHead = foci.MaxParts * ManifestSize
