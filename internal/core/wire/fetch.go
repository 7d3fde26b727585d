package wire

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/rights"
)

// MaxFetchEntries is the most entries in one answer to Fetch.
const MaxFetchEntries = 4096

// Fetch asks for the log of an object in version order, from a version on, and
// for content: the payloads of the first entries, as many as fit in MaxBytes,
// the first one beginning at Offset and cut when it is longer. With MaxBytes
// zero it is the log alone.
type Fetch struct {
	Target
	ID       foci.ID
	From     foci.Version // inclusive
	To       foci.Version // inclusive; zero: no end
	Limit    uint32       // entries; 0 or more than MaxFetchEntries: MaxFetchEntries
	Offset   uint32       // into the payload of the first entry
	MaxBytes uint32       // of payload; at most foci.MaxPayload
	Scope
}

// Append encodes.
func (f *Fetch) Append(b []byte) []byte {
	b = append(f.append(b), f.ID[:]...)
	b = codec.AppendVersion(codec.AppendVersion(b, f.From), f.To)
	return f.appendScope(codec.AppendU32(codec.AppendU32(codec.AppendU32(b, f.Limit), f.Offset), f.MaxBytes))
}

// Decode decodes.
func (f *Fetch) Decode(r *codec.Reader) {
	f.decode(r)
	r.Fixed(f.ID[:])
	f.From = r.Version()
	f.To = r.Version()
	f.Limit = r.U32()
	f.Offset = r.U32()
	f.MaxBytes = r.U32()
	f.decodeScope(r)
	if f.Limit == 0 || f.Limit > MaxFetchEntries {
		f.Limit = MaxFetchEntries
	}
	if f.Offset > foci.MaxPayload || f.MaxBytes > foci.MaxPayload {
		r.Fail()
	}
}

// FetchedEntry is an entry of the log and how many bytes of its payload are in
// the body. The first entry, and every one with all its payload, carries its
// metadata too.
type FetchedEntry struct {
	record.Entry
	Bytes uint32
	Meta  []byte
}

// FetchReply answers Fetch; the payloads follow each other in the body.
type FetchReply struct {
	Epoch   foci.Epoch
	Name    foci.Name
	Entries []FetchedEntry
	More    bool // the log goes on after the last entry, up to the To of the request
}

// Append encodes.
func (f *FetchReply) Append(b []byte) []byte {
	b = codec.AppendU64(b, uint64(f.Epoch))
	b = codec.AppendString(codec.AppendString(b, f.Name.Bucket), f.Name.Key)
	b = codec.AppendU32(codec.AppendBool(b, f.More), uint32(len(f.Entries)))
	for i := range f.Entries {
		e := &f.Entries[i]
		b = codec.AppendBytes(codec.AppendU32(e.Entry.Append(b), e.Bytes), e.Meta)
	}
	return b
}

// Decode decodes.
func (f *FetchReply) Decode(r *codec.Reader) {
	f.Epoch = foci.Epoch(r.U64())
	f.Name.Bucket = r.String(foci.MaxBucketLen)
	f.Name.Key = r.String(foci.MaxKeyLen)
	f.More = r.Bool()
	n := r.Count(MaxFetchEntries, record.EntrySize+8)
	f.Entries = make([]FetchedEntry, n)
	for i := range f.Entries {
		e := &f.Entries[i]
		e.Entry.Decode(r)
		e.Bytes = r.U32()
		e.Meta = r.Bytes(foci.MaxMetaLen)
		if e.Bytes > e.Length {
			r.Fail()
		}
	}
}

// About is the object or chunk.
func (f *Fetch) About() foci.ID { return f.ID }

func (f *Fetch) needs() Need {
	n := f.reads(f.ID)
	if mutant.On(mutant.WriterReads) {
		n.Or = rights.Write
	}
	return n
}
