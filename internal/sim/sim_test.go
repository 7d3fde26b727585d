package sim

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci/internal/core/operation"
)

var (
	seeds  = flag.Int("seeds", 0, "how many seeds to run; 0 takes FOCI_SEEDS, or 100")
	from   = flag.Uint64("seed", 1, "the first seed")
	mutant = flag.String("mutant", "", "run this broken mutant, and fail when it is caught")
)

// TestMain collects garbage at a limit only: a run makes much, and keeps little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(128 << 20)
	os.Exit(m.Run())
}

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
		r, err := Run(s, v)
		if err != nil {
			return sum, fmt.Errorf("seed %d: %w\nto see it again: %s", s, err, replay(s, v))
		}
		sum.Add(&r.Counts)
	}
	return sum, nil
}

// replay is the command that runs one seed again.
func replay(seed uint64, v Mutant) string {
	return fmt.Sprintf("go test ./internal/sim -run 'TestSeeds$' -seeds 1 -seed %d -mutant=%q", seed, string(v))
}

func TestFailureTellsHowToSeeItAgain(t *testing.T) {
	_, err := runSeeds(1, 100, OneRound)
	if err == nil {
		t.Fatal("last-writer-wins passed 100 seeds")
	}
	var seed uint64
	if _, e := fmt.Sscanf(err.Error(), "seed %d:", &seed); e != nil {
		t.Fatalf("no seed in: %v", err)
	}
	want := fmt.Sprintf(`go test ./internal/sim -run 'TestSeeds$' -seeds 1 -seed %d -mutant="one-round"`, seed)
	if !strings.HasSuffix(err.Error(), want) {
		t.Fatalf("no %q in: %v", want, err)
	}
	for _, name := range []string{"seeds", "seed", "mutant"} {
		if flag.Lookup(name) == nil {
			t.Errorf("the command uses -%s, which is no flag", name)
		}
	}
	if _, again := runSeeds(seed, 1, OneRound); again == nil || again.Error() != err.Error() {
		t.Fatalf("seen again it is %v", again)
	}
}

// TestTooLittleTraffic is a cluster in which nothing can be broken, for nothing
// happens.
func TestTooLittleTraffic(t *testing.T) {
	c := newCluster(1, Correct)
	if err := c.verify(); err == nil || broken(err) || !strings.Contains(err.Error(), "too little traffic") {
		t.Fatalf("an idle run ends with %v", err)
	}
}

// TestEndsOnceInTime is that a late end, and a second one, are failures.
func TestEndsOnceInTime(t *testing.T) {
	for name, times := range map[string][]time.Duration{"late": {3}, "twice": {1, 2}} {
		c := newCluster(1, Correct)
		o := &operation.Operation{Op: operation.Op{Ref: &call{limit: 2, done: func() {}}}}
		for _, c.Now = range times {
			c.clients[0].shell.answer(o)
		}
		if err := c.verify(); err == nil || err != c.misended {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFaultsHappen is that the runs contain what they are for.
func TestFaultsHappen(t *testing.T) {
	sum, err := runSeeds(1, 100, Correct)
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range numbers(&sum) {
		if n.Int() == 0 {
			t.Errorf("no %s in 100 runs", name)
		}
	}
	if sum.Links.Answered < sum.Links.Probes/2 {
		t.Errorf("only %d of %d probes were answered", sum.Links.Answered, sum.Links.Probes)
	}
	if sum.Acked < sum.Ops/2 {
		t.Errorf("only %d of %d operations were acknowledged", sum.Acked, sum.Ops)
	}
}

// TestSameSeedSameRun is what makes a failure worth reporting: a seed decides
// everything.
func TestSameSeedSameRun(t *testing.T) {
	for seed := uint64(1); seed <= 10; seed++ {
		a, errA := Run(seed, Correct)
		b, errB := Run(seed, Correct)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("two runs of seed %d differ: %+v and %+v", seed, a.Counts, b.Counts)
		}
	}
}
