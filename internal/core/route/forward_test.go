package route

import (
	"strings"
	"testing"

	"github.com/foci-store/foci"
)

func TestChooseForwarder(t *testing.T) {
	a, b, c := foci.NodeID{1}, foci.NodeID{2}, foci.NodeID{3}
	both, one := []foci.Table{0, 1}, []foci.Table{1}
	for name, v := range map[string]struct {
		all  []Forwarder
		last foci.NodeID
		turn uint64
		want foci.NodeID
		is   Bridge
	}{
		"nobody":                         {is: NoBridge},
		"nobody in the target's table":   {all: []Forwarder{{Node: a, Tables: one, Up: true}}, is: NoBridge},
		"one that is down":               {all: []Forwarder{{Node: a, Tables: both}}, is: BridgeAway},
		"one that said no":               {all: []Forwarder{{Node: a, Tables: both, Up: true, Resting: true}}, is: BridgeAway},
		"the only one":                   {all: []Forwarder{{Node: a, Tables: both, Up: true, Load: 1 << 40}}, want: a, is: BridgeUp},
		"another when one said no":       {all: []Forwarder{{Node: a, Tables: both, Up: true, Resting: true}, {Node: b, Tables: both, Up: true}}, last: a, want: b, is: BridgeUp},
		"the last one again":             {all: []Forwarder{{Node: a, Tables: both, Up: true}, {Node: b, Tables: both, Up: true, Load: spill}}, last: b, want: b, is: BridgeUp},
		"not when it is much busier":     {all: []Forwarder{{Node: a, Tables: both, Up: true}, {Node: b, Tables: both, Up: true, Load: spill + 1}}, last: b, turn: 1, want: a, is: BridgeUp},
		"the less busy of the two":       {all: []Forwarder{{Node: a, Tables: both, Up: true, Load: 2}, {Node: b, Tables: both, Up: true, Load: 1}}, turn: 1 << 32, want: b, is: BridgeUp},
		"drawn among those that can":     {all: []Forwarder{{Node: a, Tables: both}, {Node: b, Tables: one, Up: true}, {Node: c, Tables: both, Up: true}}, turn: 7, want: c, is: BridgeUp},
		"a last one that left is no way": {all: []Forwarder{{Node: a, Tables: both, Up: true}}, last: c, want: a, is: BridgeUp},
	} {
		if got, is := ChooseForwarder([]foci.Table{0, 5}, v.all, v.last, v.turn); got != v.want || is != v.is {
			t.Errorf("%s: %v, %v", name, got, is)
		}
	}
}

// TestForwardersShareTheLoad: with equal ones and random turns none is spared.
func TestForwardersShareTheLoad(t *testing.T) {
	all := make([]Forwarder, 4)
	for i := range all {
		all[i] = Forwarder{Node: foci.NodeID{byte(i + 1)}, Tables: []foci.Table{0}, Up: true}
	}
	turn := uint64(1)
	for range 400 {
		turn = turn*6364136223846793005 + 1442695040888963407
		id, is := ChooseForwarder([]foci.Table{0}, all, foci.NodeID{}, turn>>7)
		if is != BridgeUp {
			t.Fatal(is)
		}
		all[id[0]-1].Load++
	}
	for _, f := range all {
		if f.Load < 80 || f.Load > 120 {
			t.Errorf("node %v has %d of 400", f.Node.Short(), f.Load)
		}
	}
}

func TestBridgelessNamesTables(t *testing.T) {
	err := Bridgeless(foci.NodeID{1}, []foci.Table{2, 3}, []foci.Table{0})
	if foci.KindOf(err) != foci.NoRoute || !strings.Contains(err.Error(), "tables 2, 3") || !strings.Contains(err.Error(), "table 0") {
		t.Error(err)
	}
}
