package ring

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/foci-store/foci"
)

// imbalance is the greatest load per weight over the mean.
func imbalance(t testing.TB, bs []Backend) float64 {
	t.Helper()
	weights := map[foci.BackendID]float64{}
	total, worst := 0.0, 0.0
	for _, b := range bs {
		weights[b.ID] = float64(b.Weight)
		total += float64(b.Weight)
	}
	sum := 0.0
	for o, share := range mustRing(t, bs).Shares(bs[0].Group) {
		worst = max(worst, share*total/weights[o.Backend])
		sum += share
	}
	if sum < 0.999999 || sum > 1.000001 {
		t.Fatalf("the shares add up to %v", sum)
	}
	return worst
}

func TestPlaceIsEven(t *testing.T) {
	for name, weights := range map[string][]uint32{
		"one":           {1},
		"three equal":   {100, 100, 100},
		"two of three":  {100, 100, 300},
		"a small disk":  {1, 1000, 1000, 1000},
		"mixed":         {1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
		"one of many":   append(slices.Repeat([]uint32{1}, 200), 1000),
		"heaviest":      {MaxWeight, MaxWeight, 1},
		"five thousand": slices.Repeat([]uint32{7}, 5000),
	} {
		bs := backends(1, weights...)
		if err := Place(bs, 0); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := imbalance(t, bs); got > 1.0001 {
			t.Errorf("%s: the most loaded has %.4f of the mean", name, got)
		}
		again := backends(1, weights...)
		if err := Place(again, 0); err != nil {
			t.Fatal(err)
		}
		for i := range bs {
			if len(bs[i].Points) == 0 || !slices.Equal(bs[i].Points, again[i].Points) {
				t.Fatalf("%s: backend %d has points %x and then %x", name, i, bs[i].Points, again[i].Points)
			}
		}
	}
}

func TestNewcomersTakeTheirShareOnly(t *testing.T) {
	for name, c := range map[string]struct{ before, after []uint32 }{
		"the second":      {[]uint32{100}, []uint32{100, 100}},
		"the fourth":      {[]uint32{100, 100, 100}, []uint32{100, 100, 100, 100}},
		"a bigger one":    {[]uint32{100, 100, 100}, []uint32{100, 100, 100, 400}},
		"many":            {[]uint32{100, 100, 100}, slices.Repeat([]uint32{100}, 40)},
		"one of hundreds": {slices.Repeat([]uint32{100}, 300), slices.Repeat([]uint32{100}, 301)},
	} {
		old := backends(1, c.before...)
		if err := Place(old, 0); err != nil {
			t.Fatal(err)
		}
		now := backends(1, c.after...)
		for i := range old {
			now[i].Points = slices.Clone(old[i].Points)
		}
		if err := Place(now, 0); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range old {
			if !slices.Equal(old[i].Points, now[i].Points) {
				t.Errorf("%s: points of backend %d moved", name, i)
			}
		}
		if got := imbalance(t, now); got > 1.05 {
			t.Errorf("%s: the most loaded has %.4f of the mean, want at most 1.05", name, got)
		}
	}
}

func TestPlaceAnyGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Uint32Range(1, 1000), 1, 60).Draw(t, "weights")
		bs := backends(1, weights...)
		first := rapid.IntRange(1, len(bs)).Draw(t, "first")
		for _, n := range []int{first, len(bs)} {
			if err := Place(bs[:n], 0); err != nil {
				t.Fatal(err)
			}
			if _, err := New(bs[:n]); err != nil {
				t.Fatalf("the points cannot be used: %v", err)
			}
			for i, b := range bs[:n] {
				if len(b.Points) == 0 {
					t.Fatalf("backend %d got no point", i)
				}
			}
		}
	})
}

func TestPlaceTheLargestCluster(t *testing.T) {
	bs := backends(1, slices.Repeat([]uint32{100}, foci.MaxBackends)...)
	start := time.Now()
	if err := Place(bs, 0); err != nil {
		t.Fatal(err)
	}
	points := 0
	for i := range bs {
		points += len(bs[i].Points)
	}
	r := mustRing(t, bs)
	t.Logf("%d backends, %d points, placed and built in %v", len(bs), points, time.Since(start))
	if points > 2*mostPoints {
		t.Errorf("%d points, want about %d", points, mostPoints)
	}
	n := 0
	for range r.Ranges() {
		n++
	}
	if n != points {
		t.Errorf("%d ranges of %d points", n, points)
	}
}

func TestPlaceRefuses(t *testing.T) {
	mixed := append(backends(1, 1), backends(2, 1)...)
	if err := Place(mixed, 0); err == nil {
		t.Error("two groups at once: accepted")
	}
	if err := Place(backends(1, 0), 0); err == nil {
		t.Error("no weight: accepted")
	}
	// The whole ring is crowded: nothing is left to cut.
	crowd := backends(1, 1, 1)
	crowd[0].Points = []uint64{0}
	if err := Place(crowd, 0); err != nil {
		t.Errorf("one point owns everything: %v", err)
	}
	if err := Place(nil, 0); err != nil {
		t.Errorf("nobody: %v", err)
	}
}
