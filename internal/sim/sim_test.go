package sim

import (
	"flag"
	"fmt"
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
	var sum Counts
	n := budget()
	for s := *from; s < *from+uint64(n); s++ {
		r, err := Run(s, Variant(*variant))
		if err != nil {
			t.Fatalf("seed %d: %v\nto see it again: %s", s, err, replay(s, Variant(*variant)))
		}
		sum.Add(&r.Counts)
	}
	t.Logf("%d seeds: %+v", n, sum)
}

// replay is the command that runs one seed again.
func replay(seed uint64, v Variant) string {
	return fmt.Sprintf("go test ./internal/sim -run 'TestSeeds$' -seeds 1 -seed %d -variant=%q", seed, string(v))
}
