package route

import (
	"fmt"
	"slices"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
)

type wireRoute = wire.Route

func withNodes(t testing.TB, from, to int) *Routes {
	r := newRoutes(t, "10.0.0.1:1:2-0")
	for n := from; n < to; n++ {
		r.Merge(nodeID(9), []wireRoute{entry(n, 1, 1, fmt.Sprintf("10.1.%d.%d:1:2-0", n>>8, n&255))}, now)
	}
	return r
}

// One digest stands for one table, whatever the order in which it came about.
func TestDigestKnowsNoOrder(t *testing.T) {
	a, b := withNodes(t, 2, 300), newRoutes(t, "10.0.0.1:1:2-0")
	all := a.Entries()
	slices.Reverse(all)
	b.Merge(nodeID(9), []wireRoute{entry(2, 0, 1, "10.9.9.9:1:2-0")}, now) // replaced below
	b.Merge(nodeID(9), all, now)
	if !slices.Equal(a.Digest(), b.Digest()) || len(a.Digest()) != 32 {
		t.Errorf("%d sums and %d", len(a.Digest()), len(b.Digest()))
	}
	if a.Differs(b.Digest()) {
		t.Error("they differ")
	}
	b.Forget(nodeID(2))
	b.Merge(nodeID(9), all, now)
	if a.Differs(b.Digest()) {
		t.Error("they differ after one was forgotten and told again")
	}
}

// exchange is one comparison of a with b.
func exchange(a, b *Routes) (sent int) {
	v := b.Versions(a.Digest())
	news, want := a.Compare(&v, true, now)
	if len(news)+len(want) == 0 {
		return 0
	}
	q := wire.Routes{Routes: news, Want: want}
	b.Merge(nodeID(1), q.Routes, now)
	answer := b.Answer(&q, true)
	a.Merge(nodeID(2), answer, now)
	return len(news) + len(answer)
}

// After one comparison both know all, and only what differs was sent.
func TestComparisonCostsTheDifference(t *testing.T) {
	a, b := withNodes(t, 2, 1000), withNodes(t, 2, 1000)
	if n := exchange(a, b); n != 0 {
		t.Errorf("equal tables sent %d entries", n)
	}
	a.Merge(nodeID(9), []wireRoute{entry(5, 2, 0, "10.5.5.5:1:2-0"), entry(2001, 1, 1, "10.5.5.6:1:2-0")}, now)
	b.Merge(nodeID(9), []wireRoute{entry(7, 1, 2, "10.7.7.7:1:2-0"), entry(2002, 1, 1, "10.5.5.7:1:2-0")}, now)
	if n := exchange(a, b); n != 4 {
		t.Errorf("%d entries were sent, 4 differ", n)
	}
	if a.Differs(b.Digest()) || a.Len() != 1001 {
		t.Errorf("they differ, of %d", a.Len())
	}
	v := b.Versions(a.Digest())
	if len(v.Versions) != 0 {
		t.Errorf("%d versions are listed of equal tables", len(v.Versions))
	}
}

// A table that knows nothing asks for all, and one of another size is compared.
func TestComparisonOfUnequalSizes(t *testing.T) {
	a, b := newRoutes(t, "10.0.0.1:1:2-0"), withNodes(t, 2, 1000)
	exchange(a, b)
	if a.Differs(b.Digest()) {
		t.Error("they differ after the small one asked")
	}
	a, b = newRoutes(t, "10.0.0.1:1:2-0"), withNodes(t, 2, 1000)
	exchange(b, a)
	if a.Differs(b.Digest()) {
		t.Error("they differ after the large one asked")
	}
}

// A watcher gets the entries under the sums that changed, and all at first.
func TestSince(t *testing.T) {
	r := withNodes(t, 2, 1000)
	if n := len(r.Since(nil)); n != r.Len() {
		t.Errorf("%d entries at first", n)
	}
	before := r.Digest()
	if r.Differs(before) || len(r.Since(before)) != 0 {
		t.Error("news without a change")
	}
	r.Merge(nodeID(9), []wireRoute{entry(5, 2, 0, "10.5.5.5:1:2-0")}, now)
	since := r.Since(before)
	if !r.Differs(before) || len(since) > 4*perSum || !slices.ContainsFunc(since, func(e wireRoute) bool { return e.Node == nodeID(5) }) {
		t.Errorf("%d entries since", len(since))
	}
}

// Who pushes what is old is told what is newer.
func TestAnswerCorrects(t *testing.T) {
	r := withNodes(t, 2, 4)
	r.Merge(nodeID(9), []wireRoute{entry(2, 7, 0, "10.5.5.5:1:2-0")}, now)
	got := r.Answer(&wire.Routes{Routes: []wireRoute{entry(2, 1, 1), entry(3, 1, 1), entry(8, 1, 1)}, Want: []foci.NodeID{nodeID(3), nodeID(77)}}, true)
	if len(got) != 2 || got[0].Incarnation != 7 || got[1].Node != nodeID(3) {
		t.Errorf("%+v", got)
	}
}

// Nodes that left or were given up are known, so that they are not taken for
// news, but not present; they make room for others.
func TestAbsentNodes(t *testing.T) {
	r := withNodes(t, 2, 5)
	r.GiveUp(nodeID(2))
	r.Merge(nodeID(9), []wireRoute{entry(3, 1, 2)}, now) // it left
	if n := len(r.Present()); n != 2 || r.Len() != 4 {
		t.Errorf("%d present of %d", n, r.Len())
	}
	if c := r.Merge(nodeID(9), []wireRoute{entry(2, 1, 1, "10.1.0.2:1:2-0")}, now); len(c.Nodes) != 0 {
		t.Error("the entry of a node that was given up is news again")
	}
	if c := r.Merge(nodeID(9), []wireRoute{entry(2, 2, 0, "10.1.0.2:1:2-0")}, now); len(c.Nodes) != 1 || len(r.Present()) != 3 {
		t.Error("it does not come back with a newer entry")
	}
	full := withNodes(t, 2, foci.MaxNodes+1)
	full.GiveUp(nodeID(77))
	if c := full.Merge(nodeID(9), []wireRoute{entry(50000, 1, 1, "10.1.0.2:1:2-0")}, now); len(c.Nodes) != 1 || full.Len() != foci.MaxNodes {
		t.Errorf("no room: %+v, %d nodes", c, full.Len())
	}
}

func FuzzCompare(f *testing.F) {
	b := withNodes(f, 2, 40)
	v := b.Versions([]uint64{1, 2})
	f.Add(v.Append(nil))
	f.Fuzz(func(t *testing.T, text []byte) {
		var v wire.Versions
		if codec.Unmarshal(text, &v) != nil {
			return
		}
		r := withNodes(t, 2, 20)
		news, want := r.Compare(&v, true, now)
		if len(news) > r.Len() || len(want) > len(v.Versions) {
			t.Fatalf("%d news, %d wanted of %d", len(news), len(want), len(v.Versions))
		}
		for _, e := range v.Versions {
			if !inBounds(e, now) && slices.Contains(want, e.Node) && !slices.ContainsFunc(v.Versions, func(o wire.RouteVersion) bool {
				return o.Node == e.Node && inBounds(o, now)
			}) {
				t.Fatal("a version that no process accepts is wanted")
			}
		}
	})
}
