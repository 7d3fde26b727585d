package wire

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// MaxWatch is the longest that a watch waits.
const MaxWatch = 30 * time.Second

// Watch asks to be answered when the receiver's layout, table or links differ from
// those in its last answer, and after Wait at the latest.
type Watch struct {
	Epoch foci.Epoch
	Sums  []uint64      // of the last answer; none at first
	Ups   uint64        // of the last answer; 0 at first
	Wait  time.Duration // at most MaxWatch, whole milliseconds

	Authorities []byte // of the last answer; none at first, and in protocol 1
}

// MaxDigest is the most bytes of a digest of authorities.
const MaxDigest = 8

// Append encodes.
func (w *Watch) Append(b []byte) []byte {
	b = appendSums(codec.AppendU64(b, uint64(w.Epoch)), w.Sums)
	b = codec.AppendU32(codec.AppendU64(b, w.Ups), uint32(w.Wait/time.Millisecond))
	return codec.AppendBytes(b, w.Authorities)
}

// Decode decodes.
func (w *Watch) Decode(r *codec.Reader) {
	w.Epoch = foci.Epoch(r.U64())
	w.Sums = decodeSums(r)
	w.Ups = r.U64()
	w.Wait = min(time.Duration(r.U32())*time.Millisecond, MaxWatch)
	w.Authorities = decodeAuthorities(r)
}

// decodeAuthorities reads the tail of a Watch or Watched, absent in protocol 1.
func decodeAuthorities(r *codec.Reader) []byte {
	if !r.More() {
		return nil
	}
	return r.Bytes(MaxDigest)
}

// Watched answers Watch.
type Watched struct {
	Epoch  foci.Epoch
	Sums   []uint64
	Ups    uint64        // how many links have come up at the answerer
	Up     []foci.NodeID // the peers of the links that came up since the last answer
	Routes []Route       // those that count in sums that differ

	// Authorities is a digest of the authorities that the answerer trusts: so a
	// client whose channels stay open learns that keys were rotated.
	Authorities []byte
}

// Append encodes.
func (w *Watched) Append(b []byte) []byte {
	b = appendSums(codec.AppendU64(b, uint64(w.Epoch)), w.Sums)
	b = appendRoutes(appendNodes(codec.AppendU64(b, w.Ups), w.Up), w.Routes)
	return codec.AppendBytes(b, w.Authorities)
}

// Decode decodes.
func (w *Watched) Decode(r *codec.Reader) {
	w.Epoch = foci.Epoch(r.U64())
	w.Sums = decodeSums(r)
	w.Ups = r.U64()
	w.Up = decodeNodes(r)
	w.Routes = decodeRoutes(r)
	w.Authorities = decodeAuthorities(r)
}
