package record

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// Manifest is the payload of a put or append whose content is in chunks.
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
