package route

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
)

// TestForwarderRests: one that has no way is left alone, longer each time; then
// one request tries it, and when that gets through all go there again.
func TestForwarderRests(t *testing.T) {
	via, node := foci.NodeID{1}, foci.NodeID{9}
	both := []foci.Table{0}
	w := NewDetours(
		func(foci.NodeID) ([]foci.Table, []Forwarder) {
			return both, []Forwarder{{Node: via, Tables: both, Up: true}}
		},
		func() uint64 { return 0 },
	)
	uses := func(now time.Duration) bool { return w.Find(node, now, true).Is == BridgeUp }
	if !uses(0) {
		t.Fatal("not used")
	}
	w.Answered(via, node, HasNoWay, 0)
	w.Answered(via, node, HasNoWay, time.Millisecond) // was on its way
	now, long := time.Duration(0), Rest
	for range 6 {
		if d := w.Find(node, now+time.Millisecond, true); d.Is != BridgeAway || d.After != long-time.Millisecond {
			t.Fatalf("%+v, want it to rest for %v", d, long)
		}
		now += long
		if !uses(now) || uses(now) {
			t.Fatal("when it has rested one request tries it, and no other")
		}
		w.Answered(via, node, HasNoWay, now)
		long = min(2*long, MaxRest)
	}
	now += long
	if !uses(now) || !w.Answered(via, node, HasWay, now) || w.Answered(via, node, HasWay, now) {
		t.Fatal("that it has a way again is not known, or known twice")
	}
	for range 2 {
		if !uses(now) {
			t.Fatal("it has a way again, and is not used")
		}
	}
}

// TestRestsEnd: by the forwarder's return, or by that of the node behind it.
func TestRestsEnd(t *testing.T) {
	via, node := foci.NodeID{1}, foci.NodeID{9}
	both := []foci.Table{0}
	w := NewDetours(
		func(foci.NodeID) ([]foci.Table, []Forwarder) {
			return both, []Forwarder{{Node: via, Tables: both, Up: true}}
		},
		func() uint64 { return 0 },
	)
	for name, end := range map[string]func(){
		"the forwarder came": func() { w.Came(via) },
		"the node is back": func() {
			if !w.Back(node) || w.Back(node) || w.Back(foci.NodeID{8}) {
				t.Error("who rested is known twice, or not at all")
			}
		},
	} {
		w.Find(node, 0, true)
		w.Answered(via, node, HasNoWay, 0)
		if w.Find(node, 0, true).Is != BridgeAway {
			t.Fatalf("%s: it does not rest", name)
		}
		if end(); w.Find(node, 0, true).Is != BridgeUp {
			t.Errorf("%s: it rests on", name)
		}
	}
}
