package index

import (
	"encoding/binary"
	"slices"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/record"
)

// MaxWatermarks bounds how finely the watermarks of a backend may differ: its ring
// points, before and after changes, with room to spare.
const MaxWatermarks = 1 << 16

// watermarkRange is the watermark of the ids whose prefixes are from..to, inclusive.
type watermarkRange struct {
	from, to  uint64
	watermark record.Watermark
}

// Watermarks are ranges in order that do not overlap. They are never changed, only
// replaced, so that readers need no lock.
type Watermarks []watermarkRange

// Of is the watermark of a prefix; zero where none was raised.
func (f Watermarks) Of(prefix uint64) record.Watermark {
	i, found := slices.BinarySearchFunc(f, prefix, func(r watermarkRange, p uint64) int {
		switch {
		case r.to < p:
			return -1
		case r.from > p:
			return 1
		default:
			return 0
		}
	})
	if !found {
		return record.Watermark{}
	}
	return f[i].watermark
}

// Raise is f after something as new as v was destroyed in from..to.
func (f Watermarks) Raise(from, to uint64, v foci.Version) Watermarks {
	var out Watermarks
	add := func(from, to uint64, v record.Watermark) {
		if n := len(out); n > 0 && out[n-1].watermark == v && out[n-1].to+1 == from {
			out[n-1].to = to
			return
		}
		out = append(out, watermarkRange{from, to, v})
	}
	next, open := from, true // the part of from..to that is not yet in out
	fill := func(until uint64) {
		add(next, until, record.Watermark{}.Raise(v))
		if open = until != to; open {
			next = until + 1
		}
	}
	for _, r := range f {
		if !open || r.to < next {
			add(r.from, r.to, r.watermark)
			continue
		}
		if r.from > to {
			fill(to)
			add(r.from, r.to, r.watermark)
			continue
		}
		if r.from < next {
			add(r.from, next-1, r.watermark)
		} else if r.from > next {
			fill(r.from - 1)
		}
		end := min(r.to, to)
		add(next, end, r.watermark.Raise(v))
		if open = end != to; open {
			next = end + 1
		}
		if r.to > end {
			add(end+1, r.to, r.watermark)
		}
	}
	if open {
		fill(to)
	}
	return out
}

func (f Watermarks) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f)))
	for _, r := range f {
		b = binary.LittleEndian.AppendUint64(b, r.from)
		b = binary.LittleEndian.AppendUint64(b, r.to)
		b = binary.LittleEndian.AppendUint64(appendVersion(b, r.watermark.Version), r.watermark.Drops)
	}
	return b
}

func parseWatermarks(b []byte) (Watermarks, error) {
	r := codec.NewReader(b)
	n := r.Count(MaxWatermarks, 40)
	f := make(Watermarks, n)
	for i := range f {
		f[i] = watermarkRange{from: r.U64(), to: r.U64(), watermark: record.Watermark{Version: r.Version(), Drops: r.U64()}}
	}
	if r.Bad() {
		return nil, badRow("watermarks")
	}
	return f, nil
}
