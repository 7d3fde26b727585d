package invariant

import (
	"errors"
	"testing"
)

// TestCheck is that a violation panics where invariants are checked, and that a
// check costs nothing where they are not.
func TestCheck(t *testing.T) {
	check := func(holds bool) (err error) {
		defer func() { err, _ = recover().(error) }()
		Check(holds, "%d legs", 3)
		return nil
	}
	if err := check(true); err != nil {
		t.Errorf("what holds gives %v", err)
	}
	var v Violation
	if err := check(false); errors.As(err, &v) != On || On && v != "3 legs" {
		t.Errorf("a violation gives %v", err)
	}
	n := 1 << 20
	if allocs := testing.AllocsPerRun(100, func() { Check(n > 0, "%d", n) }); !On && allocs != 0 {
		t.Errorf("a check allocates %v times", allocs)
	}
}
