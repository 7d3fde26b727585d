package index

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

// Summary is the row of an object: its vote without the watermark and, when its
// content is one record, that record's place.
type Summary struct {
	Vote   record.Vote
	Total  uint64 // transactions held, history included; above 1 each has a version row
	Sole   bool   // the content is one record
	Placed        // that record
}

// Placed is a transaction and the place of its record.
type Placed struct {
	Entry record.Entry
	Loc   segment.Loc
}

const (
	flagSole   = 1
	flagSingle = 2 // the only record of the object: the vote follows from it
)

func (s *Summary) append(b []byte) []byte {
	if s.Sole && s.Total == 1 {
		return appendPlaced(append(b, flagSole|flagSingle), &s.Placed)
	}
	flags := byte(0)
	if s.Sole {
		flags = flagSole
	}
	le := binary.LittleEndian
	b = le.AppendUint64(append(b, flags), s.Total)
	b = append(appendVersion(b, s.Vote.Base), byte(s.Vote.BaseOp))
	b = append(le.AppendUint32(b, s.Vote.Count), s.Vote.Sum[:]...)
	b = appendVersion(le.AppendUint64(b, s.Vote.Size), s.Vote.Newest)
	if s.Sole {
		b = appendPlaced(b, &s.Placed)
	}
	return b
}

func parseSummary(b []byte) (s Summary, err error) {
	r := codec.NewReader(b)
	flags := r.U8()
	if flags&flagSingle != 0 {
		s.Total, s.Sole = 1, true
		s.Placed = readPlaced(r)
		if !r.Bad() {
			s.Vote, err = object.Apply(record.Vote{}, &s.Entry, func(func(record.Entry) bool) {})
		}
	} else {
		s.Total = r.U64()
		s.Vote.Base = r.Version()
		s.Vote.BaseOp = record.Op(r.U8())
		s.Vote.Count = r.U32()
		r.Fixed(s.Vote.Sum[:])
		s.Vote.Size = r.U64()
		s.Vote.Newest = r.Version()
		if s.Sole = flags&flagSole != 0; s.Sole {
			s.Placed = readPlaced(r)
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
func appendPlaced(b []byte, p *Placed) []byte {
	le, e := binary.LittleEndian, &p.Entry
	b = appendVersion(b, e.Version)
	manifest := byte(0)
	if e.Manifest {
		manifest = 1
	}
	b = append(b, byte(e.Op), manifest)
	b = le.AppendUint32(le.AppendUint64(b, e.Size), e.Length)
	b = append(b, e.Hash[:]...)
	b = le.AppendUint64(b, p.Loc.Segment)
	return le.AppendUint32(le.AppendUint32(b, p.Loc.Offset), p.Loc.Head)
}

func readPlaced(r *codec.Reader) (p Placed) {
	e := &p.Entry
	e.Version = r.Version()
	e.Op = record.Op(r.U8())
	e.Manifest = r.Bool()
	e.Size = r.U64()
	e.Length = r.U32()
	r.Fixed(e.Hash[:])
	p.Loc.Segment = r.U64()
	p.Loc.Offset = r.U32()
	p.Loc.Head = r.U32()
	p.Loc.Length = e.Length
	return p
}

func parsePlaced(b []byte) (p Placed, err error) {
	r := codec.NewReader(b)
	if p = readPlaced(r); r.Bad() {
		err = badRow("version")
	}
	return p, err
}

func hintKey(b []byte, g foci.Group, id *foci.ID) []byte {
	b = binary.BigEndian.AppendUint32(append(b, rowHint), uint32(g))
	return append(b, id[:]...)
}

func parseHintKey(b []byte) (g foci.Group, id foci.ID, ok bool) {
	if len(b) != 1+4+idLen {
		return g, id, false
	}
	copy(id[:], b[5:])
	return foci.Group(binary.BigEndian.Uint32(b[1:])), id, true
}

func badRow(kind string) error { return Damaged(errors.New("malformed " + kind + " row")) }
