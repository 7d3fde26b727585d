package segment

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/foci-store/foci"
)

// HeaderSize is the length of a segment's header; records begin after it.
const HeaderSize = 64

const segmentMagic = "FOCI SEG"

// Header begins a segment.
type Header struct {
	Salt    uint32 // random: keeps payload that looks like a record from passing for one
	Backend foci.BackendID
	Number  uint64 // from 1, without gaps
	Prev    uint64 // the segment before; 0 for the first
	PrevLen uint32 // its sealed length: what is beyond was never acknowledged
	Synced  uint32 // this segment was synced up to here before it got its name
}

// NewHeader is the header of the segment that follows prev, whose valid bytes
// end at prevLen.
func NewHeader(backend foci.BackendID, prev uint64, prevLen uint32) Header {
	var salt [4]byte
	_, _ = rand.Read(salt[:]) // never fails
	return Header{
		Salt: binary.LittleEndian.Uint32(salt[:]), Backend: backend,
		Number: prev + 1, Prev: prev, PrevLen: prevLen, Synced: HeaderSize,
	}
}

func (h *Header) append(b []byte) []byte {
	start := len(b)
	b = append(b, segmentMagic...)
	b = binary.LittleEndian.AppendUint32(b, Format)
	b = binary.LittleEndian.AppendUint32(b, h.Salt)
	b = append(b, h.Backend[:]...)
	b = binary.LittleEndian.AppendUint64(b, h.Number)
	b = binary.LittleEndian.AppendUint64(b, h.Prev)
	b = binary.LittleEndian.AppendUint32(b, h.PrevLen)
	b = binary.LittleEndian.AppendUint32(b, h.Synced)
	b = binary.LittleEndian.AppendUint32(b, 0)
	return binary.LittleEndian.AppendUint32(b, checksum(b[start:]))
}

func parseHeader(b []byte) (h Header, err error) {
	switch {
	case len(b) < HeaderSize || string(b[:8]) != segmentMagic:
		return h, corrupt("not a segment: no magic number at its beginning")
	case checksum(b[:60]) != binary.LittleEndian.Uint32(b[60:]):
		return h, corrupt("checksum of the segment's header does not match")
	}
	if f := binary.LittleEndian.Uint32(b[8:]); f != Format {
		return h, corrupt("segment has format %d, this program knows %d", f, Format)
	}
	h.Salt = binary.LittleEndian.Uint32(b[12:])
	copy(h.Backend[:], b[16:32])
	h.Number = binary.LittleEndian.Uint64(b[32:])
	h.Prev = binary.LittleEndian.Uint64(b[40:])
	h.PrevLen = binary.LittleEndian.Uint32(b[48:])
	h.Synced = binary.LittleEndian.Uint32(b[52:])
	return h, nil
}

const (
	suffix    = ".seg"
	tmpSuffix = ".seg.tmp"
)

func fileName(number uint64) string { return fmt.Sprintf("%016x", number) + suffix }

// parseName is the number in a segment's file name, 0 for other files.
func parseName(name string) uint64 {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 16 {
		return 0
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	if err != nil || fileName(n) != name {
		return 0
	}
	return n
}
