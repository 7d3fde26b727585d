package store

import (
	"encoding/binary"
	"slices"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// maxFloors bounds how finely the floors of a backend may differ: its ring
// points, before and after changes, with room to spare.
const maxFloors = 1 << 16

// floorRange is the floor of the ids whose prefixes are from..to, inclusive.
type floorRange struct {
	from, to uint64
	floor    wire.Floor
}

// floors are ranges in order that do not overlap. They are never changed, only
// replaced, so that readers need no lock.
type floors []floorRange

// of is the floor of a prefix; zero where none was raised.
func (f floors) of(prefix uint64) wire.Floor {
	i, found := slices.BinarySearchFunc(f, prefix, func(r floorRange, p uint64) int {
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
		return wire.Floor{}
	}
	return f[i].floor
}

// raise is f after something as new as v was destroyed in from..to.
func (f floors) raise(from, to uint64, v foci.Version) floors {
	var out floors
	add := func(from, to uint64, v wire.Floor) {
		if n := len(out); n > 0 && out[n-1].floor == v && out[n-1].to+1 == from {
			out[n-1].to = to
			return
		}
		out = append(out, floorRange{from, to, v})
	}
	next, open := from, true // the part of from..to that is not yet in out
	fill := func(until uint64) {
		add(next, until, wire.Floor{}.Raise(v))
		if open = until != to; open {
			next = until + 1
		}
	}
	for _, r := range f {
		if !open || r.to < next {
			add(r.from, r.to, r.floor)
			continue
		}
		if r.from > to {
			fill(to)
			add(r.from, r.to, r.floor)
			continue
		}
		if r.from < next {
			add(r.from, next-1, r.floor)
		} else if r.from > next {
			fill(r.from - 1)
		}
		end := min(r.to, to)
		add(next, end, r.floor.Raise(v))
		if open = end != to; open {
			next = end + 1
		}
		if r.to > end {
			add(end+1, r.to, r.floor)
		}
	}
	if open {
		fill(to)
	}
	return out
}

func (f floors) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f)))
	for _, r := range f {
		b = binary.LittleEndian.AppendUint64(b, r.from)
		b = binary.LittleEndian.AppendUint64(b, r.to)
		b = binary.LittleEndian.AppendUint64(appendVersion(b, r.floor.Version), r.floor.Drops)
	}
	return b
}

func parseFloors(b []byte) (floors, error) {
	r := wire.NewReader(b)
	n := r.Count(maxFloors, 40)
	f := make(floors, n)
	for i := range f {
		f[i] = floorRange{from: r.U64(), to: r.U64(), floor: wire.Floor{Version: r.Version(), Drops: r.U64()}}
	}
	if r.Bad() {
		return nil, badRow("floors")
	}
	return f, nil
}
