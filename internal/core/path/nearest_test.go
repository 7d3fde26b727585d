package path

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestLatePercentile compares the estimate with the truth for answers as they
// are: most near the middle, a few far above it.
func TestLatePercentile(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var a timing
	draw := func(scale float64) time.Duration {
		return time.Duration(scale * math.Exp(rng.NormFloat64()/2) * float64(time.Millisecond))
	}
	for _, scale := range []float64{50, 5, 200} { // it follows changes, both ways
		var took []time.Duration
		for range 4000 {
			d := draw(scale)
			took = append(took, d)
			a.observe(d, 0)
		}
		slices.Sort(took)
		want := took[len(took)*95/100]
		if a.p95 < want*7/10 || a.p95 > want*14/10 {
			t.Errorf("p95 is %v, want about %v", a.p95, want)
		}
	}
}

// TestSlowNodeIsTriedAgain is what a node needs that was slow and is not any
// more: no process asks it, so none would ever learn.
func TestSlowNodeIsTriedAgain(t *testing.T) {
	var a timing
	rtt := time.Millisecond
	if mean, _ := a.estimate(rtt, 0); mean != rtt {
		t.Errorf("one that was never asked takes %v, want what pings take", mean)
	}
	for range 10 {
		a.observe(time.Second, 0)
	}
	if mean, _ := a.estimate(rtt, 0); mean < 900*time.Millisecond {
		t.Errorf("it takes %v at once", mean)
	}
	if mean, _ := a.estimate(rtt, 20*halfLife); mean > 2*rtt {
		t.Errorf("it takes %v after a long time", mean)
	}
}
