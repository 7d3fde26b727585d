package sim

import (
	"flag"
	"os"
	"strconv"
	"testing"
)

var (
	seeds   = flag.Int("seeds", 0, "how many seeds to run; 0 takes FOCI_SEEDS, or 100")
	from    = flag.Uint64("seed", 1, "the first seed")
	variant = flag.String("variant", "", "run this broken variant, and fail when it is caught")
)

func budget() int {
	if *seeds > 0 {
		return *seeds
	}
	if n, err := strconv.Atoi(os.Getenv("FOCI_SEEDS")); err == nil {
		return n
	}
	return 100
}

// TestSeeds is the promise: nothing is found.
func TestSeeds(t *testing.T) {
	var sum Report
	n := budget()
	for s := *from; s < *from+uint64(n); s++ {
		r, err := Run(s, Variant(*variant))
		if err != nil {
			t.Fatalf("seed %d: %v\nto see it again: go test ./internal/sim -run TestSeeds -seeds 1 -seed %d -variant=%q", s, err, s, *variant)
		}
		sum.Ops += r.Ops
		sum.Acked += r.Acked
		sum.Unknown += r.Unknown
		sum.Crashes += r.Crashes
		sum.Swaps += r.Swaps
		sum.Drops += r.Drops
		sum.Lost += r.Lost
		sum.Steps += r.Steps
	}
	t.Logf("%d seeds: %d operations, %d acknowledged, %d unknown, %d crashes, %d layouts, %d tombstones destroyed, %d messages lost, %d steps",
		n, sum.Ops, sum.Acked, sum.Unknown, sum.Crashes, sum.Swaps, sum.Drops, sum.Lost, sum.Steps)
}
