package index

import (
	"encoding/binary"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/device/segment"
)

// The keys of the rows about the backend.
var (
	metaBackend    = []byte{rowMeta, 'b'}
	metaCursor     = []byte{rowMeta, 'c'}
	metaEpoch      = []byte{rowMeta, 'e'}
	metaWatermarks = []byte{rowMeta, 'f'}
	metaTotals     = []byte{rowMeta, 't'}
)

// Meta is what the index says about the backend.
type Meta struct {
	Cursor     segment.Pos // up to here the log is in the index
	Totals     Totals
	Epoch      foci.Epoch
	Watermarks Watermarks
}

// Totals count what a backend holds.
type Totals struct{ Records, Objects, Bytes uint64 }

// Add adds u.
func (t *Totals) Add(u Totals) {
	t.Records += u.Records
	t.Objects += u.Objects
	t.Bytes += u.Bytes
}

// Meta returns what the index says about the backend; zero if nothing has been
// indexed.
func (x *Index) Meta() (m Meta, err error) {
	rows := [4][]byte{}
	for i, key := range [4][]byte{metaCursor, metaTotals, metaEpoch, metaWatermarks} {
		if rows[i], err = x.get(key); err != nil {
			return m, err
		}
	}
	if rows[0] == nil {
		return m, nil
	}
	r := codec.NewReader(rows[0])
	m.Cursor = segment.Pos{Segment: r.U64(), Offset: r.U32()}
	t := codec.NewReader(rows[1])
	m.Totals = Totals{Records: t.U64(), Objects: t.U64(), Bytes: t.U64()}
	e := codec.NewReader(rows[2])
	m.Epoch = foci.Epoch(e.U64())
	if m.Watermarks, err = parseWatermarks(rows[3]); err == nil && (r.Bad() || t.Bad() || e.Bad()) {
		err = badRow("meta")
	}
	return m, err
}

// SetMeta replaces the rows about the backend: they change with the others.
func (r *Rows) SetMeta(m *Meta) error {
	var buf [24]byte
	le := binary.LittleEndian
	b := le.AppendUint32(le.AppendUint64(buf[:0], m.Cursor.Segment), m.Cursor.Offset)
	if err := r.batch.Set(metaCursor, b, nil); err != nil {
		return err
	}
	b = le.AppendUint64(le.AppendUint64(buf[:0], m.Totals.Records), m.Totals.Objects)
	if err := r.batch.Set(metaTotals, le.AppendUint64(b, m.Totals.Bytes), nil); err != nil {
		return err
	}
	if err := r.batch.Set(metaEpoch, le.AppendUint64(buf[:0], uint64(m.Epoch)), nil); err != nil {
		return err
	}
	return r.batch.Set(metaWatermarks, m.Watermarks.append(nil), nil)
}
