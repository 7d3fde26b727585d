package lockorder

import (
	"errors"
	"testing"

	"github.com/foci-store/foci/internal/core/invariant"
)

// TestOrder: mutexes are locked from the outside in, where that is checked.
func TestOrder(t *testing.T) {
	var outer Mutex[Watches]
	var inner Mutex[Members]
	var leaf, other Mutex[Leaf]
	inOrder := func() {
		outer.Lock()
		inner.Lock()
		leaf.Lock()
		outer.Unlock() // in any order
		leaf.Unlock()
		inner.Unlock()
	}
	wrong := map[string]func(){
		"from the inside out": func() {
			inner.Lock()
			defer inner.Unlock()
			outer.Lock()
			defer outer.Unlock()
		},
		"two leaves": func() {
			leaf.Lock()
			defer leaf.Unlock()
			other.Lock()
			defer other.Unlock()
		},
	}
	violation := func(f func()) (err error) {
		defer func() { err, _ = recover().(error) }()
		f()
		return nil
	}
	if err := violation(inOrder); err != nil {
		t.Error(err)
	}
	for name, f := range wrong {
		var v invariant.Violation
		if err := violation(f); errors.As(err, &v) != invariant.On {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := violation(inOrder); err != nil {
		t.Errorf("after violations: %v", err)
	}
}
