package wire

import (
	"encoding/binary"
	"strconv"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/version"
)

// Method says what a request asks for.
type Method uint16

// The methods. Numbers are part of the protocol.
const (
	MethodPing   Method = 1
	MethodRoutes Method = 2 // state: tell route entries, and ask for some
	MethodLayout Method = 3 // state: the layout as JSON in the body
	MethodStatus Method = 4 // state: what foci nodes, mesh and txns show; JSON in the body
	MethodWatch  Method = 5 // state: answered when routes or layout have changed
	MethodDigest Method = 7 // state: compare what both sides know of the routes

	MethodRenew Method = 8 // state: a certificate for the asker's own identity

	MethodForward Method = 6 // a request to be passed on to another node
	MethodRelayed Method = 9 // such a request, as the relay passes it on

	MethodQuery Method = 16 // a replica's vote on an object
	MethodStore Method = 17 // one record; payload in the body
	MethodHave  Method = 18 // has the replica this version
	MethodFetch Method = 19 // log and content, from a version on
	MethodList  Method = 20 // keys of a bucket on one backend
	MethodHint  Method = 21 // remember that another group may lack something
)

var methodNames = map[Method]string{
	MethodPing: "ping", MethodRoutes: "routes", MethodLayout: "layout", MethodStatus: "status", MethodRenew: "renew", MethodForward: "forward", MethodRelayed: "relayed",
	MethodQuery: "query", MethodStore: "store", MethodHave: "have", MethodFetch: "fetch", MethodList: "list", MethodHint: "hint",
}

// String is the name used in output.
func (m Method) String() string {
	if name := methodNames[m]; name != "" {
		return name
	}
	return "method " + strconv.Itoa(int(m))
}

// Target says whom a data request is for; the replica answers StaleLayout when
// the epoch is not its own.
type Target struct {
	Epoch   foci.Epoch
	Group   foci.Group
	Backend foci.BackendID // zero: the owner of the id in the group
	Trace   foci.TraceID   // of the operation that asks
}

// TraceOffset is where the trace stands in the head of every data request, in
// bytes.
const TraceOffset = 8 + 4 + 16

// TraceOf is the trace of an encoded data request; 0 when it is too short.
func TraceOf(head []byte) foci.TraceID {
	if len(head) < TraceOffset+8 {
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

// Store asks a replica to keep a record.
type Store struct {
	Target
	// Seen is the newest time that the sender's phase one was told of. Replicas
	// ignore it: it is the sender's claim.
	Seen int64
	// Repair marks a record that some replica already holds, sent by a reader
	// that found it missing. It may be at or below the replica's watermark, but
	// only while that watermark is still Watermark, the one that the reader saw.
	Repair    bool
	Watermark record.Watermark
	Record    record.Record // payload in the body

	// Evidence is what the replica itself has found out about the record's
	// time. It does not travel.
	Evidence version.Evidence
}

// Append encodes.
func (s *Store) Append(b []byte) []byte {
	b = codec.AppendU64(s.append(b), uint64(s.Seen))
	b = s.Watermark.Append(codec.AppendBool(b, s.Repair))
	return s.Record.Append(b)
}

// Decode decodes.
func (s *Store) Decode(r *codec.Reader) {
	s.decode(r)
	s.Seen = r.I64()
	s.Repair = r.Bool()
	s.Watermark.Decode(r)
	s.Record.Decode(r)
}

// StoreReply acknowledges: the record is fsynced and visible.
type StoreReply struct {
	Epoch foci.Epoch
	Clock int64
	Dup   bool // it was there already
}

// Append encodes.
func (s *StoreReply) Append(b []byte) []byte {
	return codec.AppendBool(codec.AppendU64(codec.AppendU64(b, uint64(s.Epoch)), uint64(s.Clock)), s.Dup)
}

// Decode decodes.
func (s *StoreReply) Decode(r *codec.Reader) {
	s.Epoch = foci.Epoch(r.U64())
	s.Clock = r.I64()
	s.Dup = r.Bool()
}

// Have asks whether a replica holds a version, before a body is sent again.
type Have struct {
	Target
	ID      foci.ID
	Version foci.Version
	Hash    record.Hash
	Scope
}

// Append encodes.
func (h *Have) Append(b []byte) []byte {
	b = append(h.append(b), h.ID[:]...)
	return h.appendScope(append(codec.AppendVersion(b, h.Version), h.Hash[:]...))
}

// Decode decodes.
func (h *Have) Decode(r *codec.Reader) {
	h.decode(r)
	r.Fixed(h.ID[:])
	h.Version = r.Version()
	r.Fixed(h.Hash[:])
	h.decodeScope(r)
}

// HaveState answers Have.
type HaveState uint8

// The answers to Have.
const (
	HaveNo         HaveState = 0
	HaveInProgress HaveState = 1 // received, not yet fsynced
	HaveStored     HaveState = 2 // fsynced and visible: as good as an acknowledgement
	HaveConflict   HaveState = 3 // the version is there with other content
)

// HaveReply answers Have.
type HaveReply struct {
	Epoch foci.Epoch
	State HaveState
}

// Append encodes.
func (h *HaveReply) Append(b []byte) []byte {
	return append(codec.AppendU64(b, uint64(h.Epoch)), byte(h.State))
}

// Decode decodes.
func (h *HaveReply) Decode(r *codec.Reader) {
	h.Epoch = foci.Epoch(r.U64())
	h.State = HaveState(r.U8())
	if h.State > HaveConflict {
		r.Fail()
	}
}

// Hint asks a replica that has an object's record to remember, durably, that
// another group may lack it.
type Hint struct {
	Target
	ID     foci.ID
	Missed foci.Group
	Scope
	// Now asks the replica to bring the group what it lacks at once, and to answer
	// when that is done; nothing is remembered. A reader that may not write asks
	// so for its write-back.
	Now bool
}

// Append encodes.
func (h *Hint) Append(b []byte) []byte {
	b = codec.AppendU32(append(h.append(b), h.ID[:]...), uint32(h.Missed))
	return codec.AppendBool(h.appendScope(b), h.Now)
}

// Decode decodes.
func (h *Hint) Decode(r *codec.Reader) {
	h.decode(r)
	r.Fixed(h.ID[:])
	h.Missed = foci.Group(r.U32())
	if h.Scope, h.Now = (Scope{}), false; r.More() { // since protocol 2, both
		h.decodeScope(r)
		h.Now = r.Bool()
	}
}

// HintReply says that the hint is durable, or, with Now, that the group lacks
// nothing of what the replica held when it was asked.
type HintReply struct{ Epoch foci.Epoch }

// Append encodes.
func (h *HintReply) Append(b []byte) []byte { return codec.AppendU64(b, uint64(h.Epoch)) }

// Decode decodes.
func (h *HintReply) Decode(r *codec.Reader) { h.Epoch = foci.Epoch(r.U64()) }

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
