package version

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/foci-store/foci"
)

func TestWatch(t *testing.T) {
	const s = time.Second
	off := func(by ...time.Duration) (all []Offset) {
		for _, b := range by {
			all = append(all, Offset{By: b, Bound: time.Millisecond})
		}
		return all
	}
	for _, c := range []struct {
		name   string
		others []Offset
		of     int
		off    time.Duration // 0: it votes
	}{
		{"alone", nil, 1, 0},
		{"three nodes, this one 70 s ahead", off(-70*s, -70*s), 3, 70 * s},
		{"three nodes, another one 70 s ahead", off(70*s, 0), 3, 0},
		{"three nodes, this one 70 s behind", off(70*s, 71*s), 3, -71 * s},
		{"three nodes, all different, this one in the middle", off(70*s, -70*s), 3, 0},
		{"two nodes 70 s apart", off(70 * s), 2, 0},
		{"just believable", off(-60*s, -60*s), 3, 0},
		{"perhaps believable", []Offset{{By: -62 * s, Bound: 2 * s}, {By: -62 * s, Bound: 2 * s}}, 3, 0},
		{"one of three is not known", off(-70 * s), 3, 0},
		{"three of five", off(90*s, 80*s, 70*s, 0), 5, -80 * s},
		{"two of four are not over half", off(70*s, 70*s, 0), 4, 0},
		{"two of five are known", off(70*s, 70*s), 5, 0},
		{"clocks without measure", off(math.MaxInt64, math.MinInt64+1, math.MinInt64+1), 3, math.MaxInt64},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, astray := Watch(c.others, c.of)
			if astray != (c.off != 0) || a.Off != c.off {
				t.Fatalf("got %+v, %v, want off by %v", a, astray, c.off)
			}
		})
	}
}

// TestMostGoOn: whatever the clocks, nodes that agree with over half of all go
// on to vote. So a minority of wrong clocks stops no other node.
func TestMostGoOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clocks := rapid.SliceOfN(rapid.Int64Range(-300, 300), 1, 9).Draw(t, "seconds")
		for i, mine := range clocks {
			var others []Offset
			near := 1
			for k, c := range clocks {
				by := time.Duration(c-mine) * time.Second
				if k != i {
					others = append(others, Offset{By: by})
				}
				if k != i && by.Abs() <= foci.MaxClockAhead {
					near++
				}
			}
			if _, astray := Watch(others, len(clocks)); astray && 2*near >= len(clocks) {
				t.Fatalf("the clock %d of %d is astray, and %d are near it", mine, clocks, near)
			}
		}
	})
}

func TestAstrayText(t *testing.T) {
	for _, c := range []struct {
		off  time.Duration
		want string
	}{
		{70 * time.Second, "1m10s ahead of those of 2 of 3 storing nodes"},
		{-70 * time.Second, "1m10s behind those of 2 of 3 storing nodes"},
	} {
		err := Astray{Off: c.off, Differ: 2, Of: 3}.Err()
		if err.Kind != foci.NotReady || err.Fix == "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("off by %v: %v", c.off, err)
		}
	}
}
