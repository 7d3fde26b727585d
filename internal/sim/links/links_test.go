package links

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

var (
	seeds  = flag.Int("seeds", 0, "how many seeds to run; 0 takes FOCI_LINK_SEEDS, or 200")
	from   = flag.Uint64("seed", 1, "the first seed")
	mutant = flag.String("mutant", "", "run this broken mutant, and fail when it is caught")
)

func budget() int {
	if *seeds > 0 {
		return *seeds
	}
	if n, err := strconv.Atoi(os.Getenv("FOCI_LINK_SEEDS")); err == nil {
		return n
	}
	return 200
}

// TestLinkSeeds is the promise: each request ends exactly once, with its answer
// or with an error that says why.
func TestLinkSeeds(t *testing.T) {
	n := budget()
	sum, err := runSeeds(*from, n, Mutant(*mutant))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d seeds: %+v", n, sum)
}

// runSeeds runs seeds until one fails; the error tells how to see it again.
func runSeeds(from uint64, n int, v Mutant) (sum Counts, err error) {
	for s := from; s < from+uint64(n); s++ {
		c, err := Run(s, v)
		if err != nil {
			return sum, fmt.Errorf("seed %d: %w\nto see it again: go test ./internal/sim/links -run 'TestLinkSeeds$' -seeds 1 -seed %d -mutant=%q", s, err, s, string(v))
		}
		sum.Add(&c)
	}
	return sum, nil
}

// TestLinkMutantsAreCaught is that the checks can fail.
func TestLinkMutantsAreCaught(t *testing.T) {
	for _, v := range Mutants {
		t.Run(string(v), func(t *testing.T) {
			_, err := runSeeds(1, 2000, v)
			if err == nil {
				t.Fatal("nothing was noticed in 2000 seeds")
			}
			t.Log(strings.SplitN(err.Error(), "\n", 2)[0])
		})
	}
}

// TestLinkFaultsHappen is that the runs contain what they are for.
func TestLinkFaultsHappen(t *testing.T) {
	sum, err := runSeeds(1, 100, Correct)
	if err != nil {
		t.Fatal(err)
	}
	all := reflect.ValueOf(sum)
	for i := range all.NumField() {
		if all.Field(i).Int() == 0 {
			t.Errorf("no %s in 100 runs", all.Type().Field(i).Name)
		}
	}
	if sum.Answered < sum.Requests/2 {
		t.Errorf("only %d of %d requests were answered", sum.Answered, sum.Requests)
	}
}

// TestSameLinkSeedSameRun is what makes a failure worth reporting.
func TestSameLinkSeedSameRun(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		a, errA := Run(seed, Correct)
		b, errB := Run(seed, Correct)
		if errA != nil || errB != nil || a != b {
			t.Fatalf("two runs of seed %d differ: %+v, %v and %+v, %v", seed, a, errA, b, errB)
		}
	}
}
