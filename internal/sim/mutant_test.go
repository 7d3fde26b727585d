package sim

import (
	"errors"
	"os"
	"testing"

	"github.com/foci-store/foci/internal/check"
	"github.com/foci-store/foci/internal/core/invariant"
	"github.com/foci-store/foci/internal/sim/mesh"
)

// caughtBy has a seed for each broken mutant that shows it to be broken. A
// change of the simulator may ask for other seeds; finding none within
// searchSeeds is a failure of the simulator.
var caughtBy = map[Mutant]uint64{
	AckBeforeSync:       9,
	ReadBeforeSync:      324,
	NoWriteBack:         1,
	OneRound:            1,
	SharedVersions:      5,
	NewestOnly:          3,
	TwoEpochs:           87,
	NoContentHash:       5,
	RepairPastWatermark: 168,
	UnsettledWatermarks: 894,
	ForgetAttempts:      230,
	HintIsVote:          3,
	RelayAcks:           4,
	LossIsRefusal:       30,
	MovedIsOnce:         2,
	SeenBelieved:        6,
	RepairUnchecked:     6,
	OwnersNotAsked:      2,
	LateReply:           1,
	LoseWaiting:         3,
	MoveHandedOut:       3,
	MoveFixed:           1,
	MoveForEver:         11,
	KeepBoth:            14,
	KeepStale:           4,
	FailAtOnce:          1,
	NoRedial:            1,
}

const searchSeeds = 4000

// broken reports whether a run has found a broken promise, and not merely that
// too little happened in it.
func broken(err error) bool {
	var b *check.Broken
	var l *mesh.Broken
	var v invariant.Violation
	return errors.As(err, &b) || errors.As(err, &l) || errors.As(err, &v)
}

// TestMutantsAreCaught proves that the checkers can fail, and for which
// reasons.
func TestMutantsAreCaught(t *testing.T) {
	for _, v := range Mutants {
		t.Run(string(v), func(t *testing.T) {
			seed, ok := caughtBy[v]
			if !ok {
				t.Fatalf("no seed is known that catches %q: search with FOCI_SEARCH_MUTANTS=1 go test ./internal/sim -run TestMutantsSearch -v", v)
			}
			_, err := Run(seed, v)
			if !broken(err) {
				t.Fatalf("seed %d does not catch %q any more (%v): search with FOCI_SEARCH_MUTANTS=1 go test ./internal/sim -run TestMutantsSearch -v", seed, v, err)
			}
			if _, err := Run(seed, Correct); err != nil {
				t.Fatalf("seed %d fails without the mutant too: %v", seed, err)
			}
		})
	}
}

// TestMutantsSearch finds seeds for each mutant anew: the first few, and how
// many runs each took on the average.
func TestMutantsSearch(t *testing.T) {
	if os.Getenv("FOCI_SEARCH_MUTANTS") == "" && budget() < searchSeeds {
		t.Skipf("takes minutes: set FOCI_SEARCH_MUTANTS=1, or run %d seeds or more", searchSeeds)
	}
	const enough = 3
	for _, v := range Mutants {
		t.Run(string(v), func(t *testing.T) {
			var found []uint64
			for seed := uint64(1); seed <= searchSeeds && len(found) < enough; seed++ {
				if _, err := Run(seed, v); broken(err) {
					found = append(found, seed)
				}
			}
			t.Logf("caught by seeds %d", found)
			if len(found) < enough {
				t.Errorf("caught by %d of %d seeds, want %d", len(found), searchSeeds, enough)
			}
		})
	}
}
