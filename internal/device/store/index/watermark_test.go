package index

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
)

// TestWatermarks compares watermarks with one watermark for each of a few prefixes.
func TestWatermarks(t *testing.T) {
	prefixes := []uint64{0, 1, 2, 3, 4, 5, math.MaxUint64 - 1, math.MaxUint64}
	rapid.Check(t, func(t *rapid.T) {
		var f Watermarks
		want := make([]record.Watermark, len(prefixes))
		for range rapid.IntRange(1, 12).Draw(t, "raises") {
			a := rapid.IntRange(0, len(prefixes)-1).Draw(t, "from")
			b := rapid.IntRange(a, len(prefixes)-1).Draw(t, "to")
			v := foci.Version{Time: int64(rapid.IntRange(1, 4).Draw(t, "version")), Nonce: 1}
			f = f.Raise(prefixes[a], prefixes[b], v)
			for i := a; i <= b; i++ {
				want[i] = want[i].Raise(v)
			}
			again, err := parseWatermarks(f.append(nil))
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range prefixes {
				if f.Of(p) != want[i] || again.Of(p) != want[i] {
					t.Fatalf("watermark of %d is %v, want %v: %v", p, f.Of(p), want[i], f)
				}
			}
			for i := 1; i < len(f); i++ {
				if f[i-1].to >= f[i].from || f[i].from > f[i].to {
					t.Fatalf("ranges overlap or are out of order: %v", f)
				}
			}
		}
	})
}
