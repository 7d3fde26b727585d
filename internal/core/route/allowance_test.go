package route

import (
	"strconv"
	"testing"
	"time"
)

// TestAllowance: a source that asks for more than its share waits, and no other
// source with it.
func TestAllowance(t *testing.T) {
	var a Allowance
	const full = 1 << 20
	asked := 0
	for a.Ask("greedy", 0) && asked < 1000 {
		a.Charge("greedy", full, 0)
		asked++
	}
	if asked != allowedBurst/full {
		t.Errorf("%d answers at once", asked)
	}
	if !a.Ask("another", 0) {
		t.Error("another source must wait too")
	}
	if a.Ask("greedy", 0) || !a.Ask("greedy", time.Millisecond) {
		t.Error("the debt does not shrink with time")
	}
	asked = 0
	for ms := range 10_000 {
		if now := time.Duration(ms) * time.Millisecond; a.Ask("greedy", now) {
			a.Charge("greedy", full, now)
			asked++
		}
	}
	if want := 10 * allowedRate / full; asked < want || asked > want+1 {
		t.Errorf("%d answers in ten seconds, want %d", asked, want)
	}
	for range 2 * allowedBurst / allowedMin { // questions that cost little cost something
		a.Charge("busy", 0, 0)
	}
	if a.Ask("busy", 0) {
		t.Error("short answers cost nothing")
	}
}

func TestAllowancesAreBounded(t *testing.T) {
	var a Allowance
	for n := range 2 * maxAllowances {
		a.Charge(strconv.Itoa(n), 1, 0)
		if len(a.debts) > maxAllowances {
			t.Fatalf("%d sources are kept", len(a.debts))
		}
	}
	a.Charge("later", 1, time.Hour)
	if len(a.debts) != 1 {
		t.Errorf("%d sources are kept that owe nothing", len(a.debts))
	}
}
