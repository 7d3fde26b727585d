package store

import (
	"encoding/binary"
	"errors"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/object"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/device/segment"
)

// The first byte of an index key says what kind of row it is.
const (
	rowHint    = 'h' // group, id: the group may lack something of the object
	rowMeta    = 'm' // about the backend
	rowName    = 'n' // bucket, NUL, key: the object exists; its id follows from the name
	rowObject  = 'o' // id: the summary
	rowVersion = 'v' // id, version: one transaction, for objects with several
)

const idLen = len(foci.ID{})

func objectKey(b []byte, id *foci.ID) []byte { return append(append(b, rowObject), id[:]...) }

func versionKey(b []byte, id *foci.ID, v foci.Version) []byte {
	vb := v.Bytes()
	return append(append(append(b, rowVersion), id[:]...), vb[:]...)
}

func nameKey(b []byte, bucket, key string) []byte {
	b = append(append(b, rowName), bucket...)
	return append(append(b, 0), key...)
}

// summary is all that the index says of an object in one row: its vote without
// the watermark and, when its content is one record, that record's place.
type summary struct {
	vote  record.Vote
	total uint64 // transactions held, history included; above 1 each has a version row
	sole  bool   // content is one record: entry at loc
	entry record.Entry
	loc   segment.Loc
}

const (
	flagSole   = 1
	flagSingle = 2 // the only record of the object: the vote follows from it
)

func (s *summary) append(b []byte) []byte {
	if s.sole && s.total == 1 {
		return appendPlaced(append(b, flagSole|flagSingle), &s.entry, s.loc)
	}
	flags := byte(0)
	if s.sole {
		flags = flagSole
	}
	le := binary.LittleEndian
	b = le.AppendUint64(append(b, flags), s.total)
	b = append(appendVersion(b, s.vote.Base), byte(s.vote.BaseOp))
	b = append(le.AppendUint32(b, s.vote.Count), s.vote.Sum[:]...)
	b = appendVersion(le.AppendUint64(b, s.vote.Size), s.vote.Newest)
	if s.sole {
		b = appendPlaced(b, &s.entry, s.loc)
	}
	return b
}

func parseSummary(b []byte) (s summary, err error) {
	r := codec.NewReader(b)
	flags := r.U8()
	if flags&flagSingle != 0 {
		s.total, s.sole = 1, true
		s.entry, s.loc = readPlaced(r)
		if !r.Bad() {
			s.vote, err = object.Apply(record.Vote{}, &s.entry, func(func(record.Entry) bool) {})
		}
	} else {
		s.total = r.U64()
		s.vote.Base = r.Version()
		s.vote.BaseOp = record.Op(r.U8())
		s.vote.Count = r.U32()
		r.Fixed(s.vote.Sum[:])
		s.vote.Size = r.U64()
		s.vote.Newest = r.Version()
		if s.sole = flags&flagSole != 0; s.sole {
			s.entry, s.loc = readPlaced(r)
		}
	}
	if r.Bad() {
		err = badRow("object")
	}
	return s, err
}

func appendVersion(b []byte, v foci.Version) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(v.Time))
	return binary.LittleEndian.AppendUint64(b, v.Nonce)
}

// appendPlaced encodes an entry and where its record is.
func appendPlaced(b []byte, e *record.Entry, loc segment.Loc) []byte {
	le := binary.LittleEndian
	b = appendVersion(b, e.Version)
	manifest := byte(0)
	if e.Manifest {
		manifest = 1
	}
	b = append(b, byte(e.Op), manifest)
	b = le.AppendUint32(le.AppendUint64(b, e.Size), e.Length)
	b = append(b, e.Hash[:]...)
	b = le.AppendUint64(b, loc.Segment)
	return le.AppendUint32(le.AppendUint32(b, loc.Offset), loc.Head)
}

func readPlaced(r *codec.Reader) (e record.Entry, loc segment.Loc) {
	e.Version = r.Version()
	e.Op = record.Op(r.U8())
	e.Manifest = r.Bool()
	e.Size = r.U64()
	e.Length = r.U32()
	r.Fixed(e.Hash[:])
	loc.Segment = r.U64()
	loc.Offset = r.U32()
	loc.Head = r.U32()
	loc.Length = e.Length
	return e, loc
}

func parsePlaced(b []byte) (e record.Entry, loc segment.Loc, err error) {
	r := codec.NewReader(b)
	if e, loc = readPlaced(r); r.Bad() {
		err = badRow("version")
	}
	return e, loc, err
}

func badRow(kind string) error { return indexError(errors.New("malformed " + kind + " row")) }
