package segment

import (
	"encoding/binary"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
)

const (
	recordMagic = 0x63457246 // "FrEc"
	fixedSize   = 136        // of a head, before bucket, key, metadata and checksums
	crcAt       = 28         // where the head keeps its own checksum

	// MaxHead is the longest head there can be.
	MaxHead = (fixedSize + foci.MaxBucketLen + foci.MaxKeyLen + foci.MaxMetaLen + 4*(foci.MaxPayload/Block) + 7) &^ 7
)

const flagManifest = 1

// headSize is the length of the record's head, padded so that everything in a
// segment begins at a multiple of eight.
func headSize(bucket, key, meta int, length uint32) uint32 {
	return pad8(uint32(fixedSize+bucket+key+meta) + 4*blocks(length))
}

// Space is what the record takes in a segment, in bytes.
func (r *Record) Space() int64 {
	n := uint32(len(r.Payload))
	return int64(headSize(len(r.Name.Bucket), len(r.Name.Key), len(r.Meta), n) + pad8(n))
}

// appendHead encodes the head of r, which will stand at offset in a segment
// that is synced up to synced.
func appendHead(b []byte, r *Record, salt, offset, synced uint32) []byte {
	start := len(b)
	le := binary.LittleEndian
	b = le.AppendUint32(b, recordMagic)
	b = le.AppendUint32(b, salt)
	b = le.AppendUint32(b, offset)
	b = le.AppendUint32(b, synced)
	var flags uint8
	if r.Manifest {
		flags |= flagManifest
	}
	b = append(b, uint8(r.Kind), uint8(r.Op), flags, uint8(len(r.Name.Bucket)))
	b = le.AppendUint16(b, uint16(len(r.Name.Key)))
	b = le.AppendUint16(b, uint16(len(r.Meta)))
	b = le.AppendUint32(b, uint32(len(r.Payload)))
	b = le.AppendUint32(b, 0) // the checksum, below
	b = le.AppendUint64(b, r.Entry.Size)
	b = le.AppendUint64(b, uint64(r.Version.Time))
	b = le.AppendUint64(b, r.Version.Nonce)
	b = append(b, r.Hash[:]...)
	b = append(b, r.ID[:]...)
	b = append(b, r.Name.Bucket...)
	b = append(b, r.Name.Key...)
	b = append(b, r.Meta...)
	for p := r.Payload; len(p) > 0; p = p[min(Block, len(p)):] {
		b = le.AppendUint32(b, checksum(p[:min(Block, len(p))]))
	}
	b = appendPad(b, start)
	le.PutUint32(b[start+crcAt:], checksum(b[start:]))
	return b
}

// appendPad appends zeros up to a multiple of eight bytes after start.
func appendPad(b []byte, start int) []byte {
	var zeros [8]byte
	return append(b, zeros[:-(len(b)-start)&7]...)
}

// Head is a record's decoded head.
type Head struct {
	Record        // without its payload
	Synced uint32 // the segment was synced up to here when it was written
	Offset uint32
	Len    uint32 // bytes of head
	crcs   []byte // of the payload's blocks; aliases what was parsed
}

// Loc is where the record is, in the segment of that number.
func (h *Head) Loc(segment uint64) Loc {
	return Loc{Segment: segment, Offset: h.Offset, Head: h.Len, Length: h.Length}
}

func (h *Head) end() uint32 { return h.Loc(0).end() }

// block is the checksum of the payload's i-th block.
func (h *Head) block(i uint32) uint32 { return binary.LittleEndian.Uint32(h.crcs[4*i:]) }

// parseHead decodes the head at the beginning of b, which stands at offset in
// a segment with that salt. ok is false for anything but a whole valid head; there
// is no reason, because after damage parseHead is called at every eighth byte.
// Meta aliases b; Name is filled in only when names is set.
func parseHead(b []byte, salt, offset uint32, names bool) (h Head, ok bool) {
	le := binary.LittleEndian
	if len(b) < fixedSize || le.Uint32(b) != recordMagic || le.Uint32(b[4:]) != salt || le.Uint32(b[8:]) != offset {
		return h, false
	}
	h.Synced, h.Offset, h.Kind = le.Uint32(b[12:]), offset, Kind(b[16])
	bucket, key, meta := int(b[19]), int(le.Uint16(b[20:])), int(le.Uint16(b[22:]))
	h.Length = le.Uint32(b[24:])
	if h.Kind == 0 || h.Kind >= numKinds || bucket > foci.MaxBucketLen || key > foci.MaxKeyLen ||
		meta > foci.MaxMetaLen || h.Length > foci.MaxPayload || h.Synced > offset {
		return h, false
	}
	h.Len = headSize(bucket, key, meta, h.Length)
	if uint32(len(b)) < h.Len {
		return h, false
	}
	b = b[:h.Len]
	crc := crcUpdate(crcUpdate(checksum(b[:crcAt]), zero4[:]), b[crcAt+4:])
	if crc != le.Uint32(b[crcAt:]) {
		return h, false
	}
	h.Op, h.Manifest = record.Op(b[17]), b[18]&flagManifest != 0
	h.Entry.Size = le.Uint64(b[32:])
	h.Version = foci.Version{Time: int64(le.Uint64(b[40:])), Nonce: le.Uint64(b[48:])}
	copy(h.Hash[:], b[56:72])
	copy(h.ID[:], b[72:fixedSize])
	rest := b[fixedSize:]
	h.Meta = rest[bucket+key : bucket+key+meta : bucket+key+meta]
	h.crcs = rest[bucket+key+meta:][:4*blocks(h.Length)]
	if names {
		h.Name = foci.Name{Bucket: string(rest[:bucket]), Key: string(rest[bucket : bucket+key])}
	}
	return h, h.Kind != Object || h.Op.Valid()
}
