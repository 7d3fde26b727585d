package ring

import (
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/foci-store/foci"
)

// backends makes a group with these weights; ids differ by group.
func backends(g foci.Group, weights ...uint32) []Backend {
	out := make([]Backend, len(weights))
	for i, w := range weights {
		out[i] = Backend{Group: g, Weight: w}
		binary.BigEndian.PutUint32(out[i].ID[:], uint32(g))
		binary.BigEndian.PutUint64(out[i].ID[8:], uint64(i)+1)
		out[i].Node = foci.NodeID(out[i].ID)
	}
	return out
}

func mustRing(t testing.TB, bs []Backend) *Ring {
	t.Helper()
	r, err := New(bs)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// idAt is some id with a prefix.
func idAt(prefix uint64) foci.ID {
	id := foci.ID{63: 0xff}
	binary.BigEndian.PutUint64(id[:8], prefix)
	return id
}

func TestOwner(t *testing.T) {
	bs := backends(1, 1, 1)
	bs[0].Points = []uint64{100, 300}
	bs[1].Points = []uint64{200}
	r := mustRing(t, append(bs, func() []Backend { b := backends(2, 1); b[0].Points = []uint64{5}; return b }()...))
	for _, c := range []struct {
		prefix uint64
		want   int
	}{{100, 0}, {199, 0}, {200, 1}, {299, 1}, {300, 0}, {1 << 63, 0}, {99, 0}, {0, 0}} {
		if o, ok := r.Owner(1, idAt(c.prefix)); !ok || o.Backend != bs[c.want].ID || o.Node != bs[c.want].Node {
			t.Errorf("owner of %d is %v, want backend %d", c.prefix, o, c.want)
		}
	}
	if _, ok := r.Owner(3, foci.ID{}); ok {
		t.Error("a group that does not exist has an owner")
	}
	if got := slices.Collect(r.Groups()); !slices.Equal(got, []foci.Group{1, 2}) {
		t.Errorf("groups are %v", got)
	}
	if n := testing.AllocsPerRun(100, func() { r.Owner(1, idAt(250)) }); n != 0 {
		t.Errorf("a lookup makes %v allocations", n)
	}
}

func TestNewRefuses(t *testing.T) {
	shared := backends(1, 1, 1)
	shared[0].Points, shared[1].Points = []uint64{7}, []uint64{7}
	many := backends(1, 1)
	many[0].Points = make([]uint64, foci.MaxPoints+1)
	group0 := backends(0, 1)
	group0[0].Points = []uint64{1}
	weightless := backends(1, 0)
	weightless[0].Points = []uint64{1}
	for name, bs := range map[string][]Backend{
		"shared point": shared, "too many points": many, "group 0": group0, "no weight": weightless,
		"too heavy": backends(1, MaxWeight+1), "no point in the group": backends(1, 1, 1),
		"too many backends": make([]Backend, foci.MaxBackends+1),
	} {
		if _, err := New(bs); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	other := backends(2, 1)
	other[0].Points = []uint64{7}
	if _, err := New(append(shared[:1:1], other...)); err != nil {
		t.Errorf("a point shared with another group: %v", err)
	}
}

// TestAgainstDefinition compares owners and ranges with their definition,
// evaluated the slow way.
func TestAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []Backend
		point := rapid.Uint64Range(0, 40) // few, so that groups share some
		for g := range foci.Group(rapid.IntRange(1, 3).Draw(t, "groups")) {
			bs := backends(g+1, slices.Repeat([]uint32{1}, rapid.IntRange(1, 4).Draw(t, "backends"))...)
			for _, p := range rapid.SliceOfNDistinct(point, 1, 12, rapid.ID[uint64]).Draw(t, "points") {
				b := &bs[rapid.IntRange(0, len(bs)-1).Draw(t, "to")]
				b.Points = append(b.Points, p<<58)
			}
			all = append(all, bs...)
		}
		r, err := New(all)
		if err != nil {
			t.Fatal(err)
		}
		ranges := slices.Collect(r.Ranges())
		for range 20 {
			x := rapid.Uint64().Draw(t, "x")
			in := 0
			for _, arc := range ranges {
				if !arc.Contains(x) {
					continue
				}
				in++
				for g := range r.Groups() {
					want := slowOwner(all, g, x)
					got, _ := r.OwnerAt(g, x)
					start, _ := r.OwnerAt(g, arc.From)
					if got.Backend != want || start != got {
						t.Fatalf("group %d, %x: owner %v, of its range %v, want %v", g, x, got.Backend, start.Backend, want)
					}
				}
			}
			if in != 1 {
				t.Fatalf("%x lies in %d of %v", x, in, ranges)
			}
		}
	})
}

func slowOwner(all []Backend, g foci.Group, x uint64) foci.BackendID {
	best, distance := foci.BackendID{}, uint64(1<<64-1)
	for _, b := range all {
		for _, p := range b.Points {
			if b.Group == g && x-p <= distance { // going down from x, around the ring
				best, distance = b.ID, x-p
			}
		}
	}
	return best
}

func BenchmarkOwner(b *testing.B) {
	bs := backends(1, slices.Repeat([]uint32{100}, 4096)...)
	if err := Place(bs, 0); err != nil {
		b.Fatal(err)
	}
	r := mustRing(b, bs)
	x := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		x += 0x9e3779b97f4a7c15
		if _, ok := r.OwnerAt(1, x); !ok {
			b.Fatal("no owner")
		}
	}
}
