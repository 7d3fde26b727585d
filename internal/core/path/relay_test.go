package path

import (
	"math/rand/v2"
	"testing"

	"github.com/foci-store/foci"
)

// TestDraw: of the relays that can be used the last one is kept while it is not
// much busier than another; else the less busy of two is taken.
func TestDraw(t *testing.T) {
	a, b, c := foci.NodeID{1}, foci.NodeID{2}, foci.NodeID{3}
	for name, v := range map[string]struct {
		usable []candidate
		last   foci.NodeID
		random uint64
		want   foci.NodeID
	}{
		"the only one":               {usable: []candidate{{a, 1 << 40}}, want: a},
		"the last one again":         {usable: []candidate{{a, 0}, {b, spill}}, last: b, want: b},
		"not when it is much busier": {usable: []candidate{{a, 0}, {b, spill + 1}}, last: b, random: 1, want: a},
		"the less busy of the two":   {usable: []candidate{{a, 2}, {b, 1}}, random: 1 << 32, want: b},
		"a last one that left":       {usable: []candidate{{a, 0}}, last: c, want: a},
	} {
		if got := draw(v.usable, v.last, v.random); got != v.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestRelaysShareTheLoad: with equal relays and random draws none is spared.
func TestRelaysShareTheLoad(t *testing.T) {
	usable := make([]candidate, 4)
	for i := range usable {
		usable[i].node = foci.NodeID{byte(i + 1)}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		usable[draw(usable, foci.NodeID{}, rng.Uint64())[0]-1].load++
	}
	for _, c := range usable {
		if c.load < 80 || c.load > 120 {
			t.Errorf("node %v has %d of 400", c.node.Short(), c.load)
		}
	}
}

// TestJudge: what an error says of the relay, and what it means for the request.
func TestJudge(t *testing.T) {
	relay, owner, self := foci.NodeID{1}, foci.NodeID{2}, foci.NodeID{}
	for _, v := range []struct {
		author foci.NodeID
		kind   foci.Kind
		want   works
		means  foci.Kind
	}{
		{owner, foci.StaleLayout, relays, foci.StaleLayout},
		{owner, foci.NoRoute, relays, foci.NoRoute},
		{self, foci.Unreachable, nothing, foci.Unreachable},
		{relay, foci.Busy, nothing, foci.Busy},
		{relay, foci.Unreachable, refuses, foci.Unreachable},
		{relay, foci.NoRoute, refuses, foci.NoRoute},
		{relay, foci.Denied, refuses, foci.NoRoute},       // it was not passed on
		{relay, foci.Internal, refuses, foci.Unreachable}, // perhaps it was
	} {
		got, works := judge(relay, v.author, foci.Errorf(v.kind, "no"))
		if works != v.want || foci.KindOf(got.Err) != v.means || got.ByRelay != (v.author == relay) || got.NotSent && got.Lost {
			t.Errorf("%v of %v: %v, %+v", v.kind, v.author.Short(), works, got)
		}
	}
	if got, works := judge(relay, self, nil); works != relays || got != (Verdict{}) {
		t.Error(works, got)
	}
}
