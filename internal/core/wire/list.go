package wire

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/rights"
)

// MaxListed is the most keys in one answer to List.
const MaxListed = 1000

// List asks one backend for the keys of a bucket, tombstones included, in
// order, after a key.
type List struct {
	Target
	Bucket string
	Prefix string
	After  string // exclusive; "" = from the beginning
	Limit  uint32 // 0 or more than MaxListed: MaxListed
}

// Append encodes.
func (l *List) Append(b []byte) []byte {
	b = codec.AppendString(codec.AppendString(l.append(b), l.Bucket), l.Prefix)
	return codec.AppendU32(codec.AppendString(b, l.After), l.Limit)
}

// Decode decodes.
func (l *List) Decode(r *codec.Reader) {
	l.decode(r)
	l.Bucket = r.String(foci.MaxBucketLen)
	l.Prefix = r.String(foci.MaxKeyLen)
	l.After = r.String(foci.MaxKeyLen)
	l.Limit = r.U32()
	if l.Limit == 0 || l.Limit > MaxListed {
		l.Limit = MaxListed
	}
}

// Listed is one key of a bucket and what the backend holds of it.
type Listed struct {
	Key  string
	Vote record.Vote
}

// ListReply answers List.
type ListReply struct {
	Epoch foci.Epoch
	Keys  []Listed
	More  bool // there are keys after the last one
}

// Append encodes.
func (l *ListReply) Append(b []byte) []byte {
	b = codec.AppendBool(codec.AppendU64(b, uint64(l.Epoch)), l.More)
	b = codec.AppendU32(b, uint32(len(l.Keys)))
	for i := range l.Keys {
		b = l.Keys[i].Vote.Append(codec.AppendString(b, l.Keys[i].Key))
	}
	return b
}

// Decode decodes.
func (l *ListReply) Decode(r *codec.Reader) {
	l.Epoch = foci.Epoch(r.U64())
	l.More = r.Bool()
	n := r.Count(MaxListed, record.VoteSize+4)
	l.Keys = make([]Listed, n)
	for i := range l.Keys {
		l.Keys[i].Key = r.String(foci.MaxKeyLen)
		l.Keys[i].Vote.Decode(r)
	}
}

// About is zero: a listing is of one backend.
func (l *List) About() foci.ID { return foci.ID{} }

func (l *List) needs() Need { return Need{Op: rights.Read, Verb: "list", Bucket: l.Bucket} }
