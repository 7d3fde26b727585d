package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestOrder is that events run by time, and in the order of scheduling at equal
// times; that background events are not waited for; and that Run stops when told.
func TestOrder(t *testing.T) {
	w := New(1, 1)
	var ran []string
	note := func(s string) func() {
		return func() { ran = append(ran, fmt.Sprint(s, w.Now.Milliseconds())) }
	}
	w.After(2*time.Millisecond, note("c"))
	w.After(time.Millisecond, note("a"))
	w.After(time.Millisecond, note("b"))
	w.Background(3*time.Millisecond, note("d"))
	w.Run(func() bool { return !w.Settled() })
	if want := []string{"a1", "b1", "c2"}; !slices.Equal(ran, want) || w.Next() != 3*time.Millisecond {
		t.Fatalf("%v ran, want %v", ran, want)
	}
	w.Run(func() bool { return true })
	if len(ran) != 4 || w.Ran != 4 {
		t.Fatalf("%v ran in %d steps", ran, w.Ran)
	}
}

// TestNetwork is that messages are lost, doubled, cut and healed.
func TestNetwork(t *testing.T) {
	n := NewNetwork(New(1, 1))
	p := Path{From: 1, To: 2}
	arrived := func(paths ...Path) (k int) {
		for _, p := range paths {
			n.Send(p, func() { k++ })
		}
		n.Run(func() bool { return true })
		return k
	}
	n.Cut(p, true)
	if k := arrived(p, p.Back()); k != 1 || n.Dropped != 1 {
		t.Errorf("%d of 2 arrived when one direction was cut", k)
	}
	n.Heal()
	n.Doubled = 1
	if k := arrived(p); k != 2 {
		t.Errorf("a doubled message arrived %d times", k)
	}
	n.Loss = 1
	if k := arrived(p); k != 0 {
		t.Errorf("a lost message arrived %d times", k)
	}
	n.Heal()
	if k := arrived(p, p); k != 2 {
		t.Errorf("%d of 2 arrived when all was well", k)
	}
}
