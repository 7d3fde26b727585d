package txn

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/foci-store/foci"
)

func TestOrderRunsOneAtATime(t *testing.T) {
	o := NewOrder[string, int](2)
	if now, err := o.Acquire("k", 1); !now || err != nil {
		t.Fatalf("the first waits: %v, %v", now, err)
	}
	for op := 2; op <= 3; op++ {
		if now, err := o.Acquire("k", op); now || err != nil {
			t.Fatalf("op %d: %v, %v, want to wait", op, now, err)
		}
	}
	if _, err := o.Acquire("k", 4); foci.KindOf(err) != foci.Busy {
		t.Errorf("the third to wait: %v, want Busy", err)
	}
	if now, _ := o.Acquire("other", 5); !now {
		t.Error("another key waits")
	}
	if next, ok := o.Release("k"); !ok || next != 2 {
		t.Errorf("next is %d, %v, want 2", next, ok)
	}
}

// TestOrderAgainstModel compares with a map of slices.
func TestOrderAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 40
		o := NewOrder[int, int](limit)
		model := map[int][]int{} // the first one runs
		waiting := func() (n int) {
			for _, q := range model {
				n += len(q) - 1
			}
			return n
		}
		keys := rapid.IntRange(0, 2)
		op := 0
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			key := keys.Draw(t, "key")
			q, inUse := model[key]
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				op++
				now, err := o.Acquire(key, op)
				full := inUse && waiting() == limit
				if now == inUse || (err != nil) != full {
					t.Fatalf("acquire: %v, %v; in use %v, full %v", now, err, inUse, full)
				}
				if !full {
					model[key] = append(q, op)
				}
			case 2:
				if !inUse {
					continue
				}
				next, ok := o.Release(key)
				if ok != (len(q) > 1) || ok && next != q[1] {
					t.Fatalf("release of %v: %v, %v", q, next, ok)
				}
				if model[key] = q[1:]; !ok {
					delete(model, key)
				}
			case 3:
				victim := rapid.IntRange(0, op+1).Draw(t, "victim")
				at := slices.Index(q, victim)
				if got := o.Withdraw(key, victim); got != (at > 0) {
					t.Fatalf("withdraw of %d from %v: %v", victim, q, got)
				}
				if at > 0 {
					model[key] = slices.Delete(slices.Clone(q), at, at+1)
				}
			}
			if k, n := o.Len(); k != len(model) || n != waiting() {
				t.Fatalf("%d keys and %d waiting, want %d and %d", k, n, len(model), waiting())
			}
		}
	})
}
