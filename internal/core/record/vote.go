package record

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

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
