package wire

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/rights"
)

// MaxInline is the most content that a query's answer may carry.
const MaxInline = 64 << 10

// Query asks for a vote, and for the content with it when it is one record of
// at most Inline bytes.
type Query struct {
	Target
	ID     foci.ID
	Inline uint32
	Scope
}

// Append encodes.
func (q *Query) Append(b []byte) []byte {
	b = append(q.append(b), q.ID[:]...)
	return q.appendScope(codec.AppendU32(b, q.Inline))
}

// Decode decodes.
func (q *Query) Decode(r *codec.Reader) {
	q.decode(r)
	r.Fixed(q.ID[:])
	q.Inline = min(r.U32(), MaxInline)
	q.decodeScope(r)
}

// QueryReply is a vote, the replica's clock, and perhaps the one record that
// makes up the content; its payload is the body.
type QueryReply struct {
	Epoch  foci.Epoch
	Clock  int64
	Vote   record.Vote
	Inline bool
	Entry  record.Entry // when Inline
	Meta   []byte       // when Inline
}

// Append encodes.
func (q *QueryReply) Append(b []byte) []byte {
	b = codec.AppendU64(codec.AppendU64(b, uint64(q.Epoch)), uint64(q.Clock))
	b = codec.AppendBool(q.Vote.Append(b), q.Inline)
	if q.Inline {
		b = codec.AppendBytes(q.Entry.Append(b), q.Meta)
	}
	return b
}

// Decode decodes.
func (q *QueryReply) Decode(r *codec.Reader) {
	q.Epoch = foci.Epoch(r.U64())
	q.Clock = r.I64()
	q.Vote.Decode(r)
	if q.Inline = r.Bool(); q.Inline {
		q.Entry.Decode(r)
		q.Meta = r.Bytes(foci.MaxMetaLen)
	}
}

// About is the object or chunk.
func (q *Query) About() foci.ID { return q.ID }

func (q *Query) needs() Need {
	n := q.reads(q.ID)
	if q.Inline == 0 {
		// A write begins with votes. They say that there is an object, and how
		// much: a client that may write may know, for its version must be above.
		n.Or = rights.Write
	}
	return n
}
