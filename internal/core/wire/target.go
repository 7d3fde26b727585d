package wire

import (
	"encoding/binary"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// Target names the replica that a data request is for; the replica answers StaleLayout when
// the epoch is not its own.
type Target struct {
	Epoch   foci.Epoch
	Group   foci.Group
	Backend foci.BackendID // zero: the owner of the id in the group
	Trace   foci.TraceID   // of the operation that asks
}

// Aimed is a request to a replica: it begins with a target.
type Aimed interface {
	codec.Message
	Aim() *Target
	// About is the id of the object or chunk, which says who its owner is; zero:
	// the request is for the backend that the target names.
	About() foci.ID
}

// TraceOffset is where the trace stands in the head of every data request, in
// bytes.
const TraceOffset = 8 + 4 + 16

// TraceOf is the trace of an encoded request; 0 when its method has no target, or
// it is too short.
func TraceOf(m Method, head []byte) foci.TraceID {
	if r := m.Row(); r == nil || !r.Aimed || len(head) < TraceOffset+8 {
		return 0
	}
	return foci.TraceID(binary.LittleEndian.Uint64(head[TraceOffset:]))
}

// Aim is the target itself, of whatever message it is a part of.
func (t *Target) Aim() *Target { return t }

func (t *Target) append(b []byte) []byte {
	b = codec.AppendU32(codec.AppendU64(b, uint64(t.Epoch)), uint32(t.Group))
	return codec.AppendU64(append(b, t.Backend[:]...), uint64(t.Trace))
}

func (t *Target) decode(r *codec.Reader) {
	t.Epoch = foci.Epoch(r.U64())
	t.Group = foci.Group(r.U32())
	r.Fixed(t.Backend[:])
	t.Trace = foci.TraceID(r.U64())
}
