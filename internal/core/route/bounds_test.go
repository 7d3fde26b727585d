package route

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

const (
	milli = int64(time.Millisecond)
	day   = foci.Incarnation(MaxAhead / time.Millisecond)
)

func TestBelievable(t *testing.T) {
	ms := foci.Incarnation(now / milli)
	for _, c := range []struct {
		inc  foci.Incarnation
		now  int64
		want bool
	}{
		{0, now, true},
		{ms, now, true},
		{ms + day, now, true},
		{ms + day + 1, now, false},
		{ms + day + 1, now + milli, true}, // the bound moves with the clock
		{foci.Incarnation(now), now, false},
		{1 << 62, now, false},
		{1<<64 - 1, now, false},
		{day, 0, true},
		{day, -1, true},
		{day + 1, -now, false},
	} {
		if got := Believable(c.inc, c.now); got != c.want {
			t.Errorf("incarnation %d at %d: %v", c.inc, c.now, got)
		}
	}
}

// TestIncarnationBound: an entry of an incarnation too far ahead is neither taken
// nor asked for, and the node's own entry is taken after it.
func TestIncarnationBound(t *testing.T) {
	r := newRoutes(t, "10.0.0.1:1:2-0")
	forged := entry(2, Latest(now)+1, 1, "10.0.0.9:1:2-0")
	v := wire.Versions{Sums: []uint64{1}, Versions: []wire.RouteVersion{forged.Version()}}
	if _, want := r.Compare(&v, true, now); len(want) != 0 {
		t.Error("an entry out of bounds is asked for")
	}
	if c := r.Merge(nodeID(9), []wire.Route{forged}, now); c.NRefused != 1 || len(c.Nodes) != 0 {
		t.Errorf("an entry out of bounds: %+v", c)
	}
	if c := r.Merge(nodeID(9), []wire.Route{entry(2, foci.Incarnation(now/milli), 1, "10.0.0.2:1:2-0")}, now); len(c.Nodes) != 1 {
		t.Errorf("the node's own entry: %+v", c)
	}
}

// TestCounterBound is the same for counters.
func TestCounterBound(t *testing.T) {
	r := newRoutes(t, "10.0.0.1:1:2-0")
	forged := entry(2, 5, MaxCounter+1, "10.0.0.9:1:2-0")
	if c := r.Merge(nodeID(9), []wire.Route{forged}, now); c.NRefused != 1 || len(c.Nodes) != 0 {
		t.Errorf("an entry out of bounds: %+v", c)
	}
	if c := r.Merge(nodeID(9), []wire.Route{entry(2, 5, MaxCounter, "10.0.0.2:1:2-0")}, now); len(c.Nodes) != 1 {
		t.Errorf("the last one in bounds: %+v", c)
	}
}

// TestRaiseStaysInBounds: what is forged at the very end of the bounds is not
// answered by an entry that no process accepts. A moment later it is.
func TestRaiseStaysInBounds(t *testing.T) {
	r := newRoutes(t, "10.0.0.1:1:2-0")
	mine := r.Self()
	last := entry(1, Latest(now), MaxCounter, "10.0.0.9:1:2-0")
	c := r.Merge(nodeID(9), []wire.Route{last}, now)
	if self := r.Self(); c.Self || !strings.Contains(c.Impostor, "out of bounds") || !sameEntry(&self, &mine) {
		t.Fatalf("%+v, ours is %+v", c, self)
	}
	c = r.Merge(nodeID(9), []wire.Route{last}, now+milli)
	if self := r.Self(); !c.Self || !self.Newer(&last) || !inBounds(self.Version(), now+milli) {
		t.Fatalf("a millisecond later: %+v, ours is %+v", c, self)
	}
	// A change of addresses is held to the same rule.
	edge, err := New(nodeID(1), Latest(now), foci.RoleData, nil)
	if err != nil {
		t.Fatal(err)
	}
	edge.self.Counter = MaxCounter
	to := addrs(t, "10.0.0.3:1:2-0")
	if err := edge.Move(to, now); foci.KindOf(err) != foci.Busy || len(edge.Self().Addrs) != 0 {
		t.Errorf("%v, %+v", err, edge.Self())
	}
	if err := edge.Move(to, now+milli); err != nil || edge.Self().Counter != 1 {
		t.Errorf("%v, %+v", err, edge.Self())
	}
}

// TestClockPutRight: what was taken under a clock far ahead is replaced by any
// entry in bounds once the clock is right, is not told any more, and is asked
// for anew.
func TestClockPutRight(t *testing.T) {
	const wrong = now + 1000*int64(MaxAhead)
	future, honest := entry(2, Latest(wrong), 1, "10.0.0.9:1:2-0"), entry(2, foci.Incarnation(now/milli), 1, "10.0.0.2:1:2-0")
	a, b := newRoutes(t, "10.0.0.1:1:2-0"), newRoutes(t, "10.0.0.1:1:2-0")
	a.Merge(nodeID(9), []wire.Route{future}, wrong)
	b.Merge(nodeID(9), []wire.Route{honest}, now)
	theirs := b.Versions(a.Digest())
	if news, want := a.Compare(&theirs, true, now); len(news) != 0 || !slices.Equal(want, []foci.NodeID{nodeID(2)}) {
		t.Errorf("it tells %+v and wants %v", news, want)
	}
	theirs = a.Versions(b.Digest())
	if news, want := b.Compare(&theirs, true, now); len(news) != 1 || len(want) != 0 {
		t.Errorf("the other one tells %+v and wants %v", news, want)
	}
	if c := a.Merge(nodeID(9), []wire.Route{honest}, now); len(c.Nodes) != 1 {
		t.Errorf("%+v", c)
	}
	if e, _ := a.Entry(nodeID(2)); e.Incarnation != honest.Incarnation {
		t.Errorf("%+v", e)
	}
}

func TestNextIncarnation(t *testing.T) {
	ms := foci.Incarnation(now / milli)
	for name, c := range map[string]struct {
		past  []foci.Incarnation
		next  foci.Incarnation
		reset bool
	}{
		"a first start":                {nil, ms, false},
		"the clock went on":            {[]foci.Incarnation{ms - 9}, ms, false},
		"the clock stands":             {[]foci.Incarnation{ms}, ms + 1, false},
		"the clock is an hour behind":  {[]foci.Incarnation{ms + 3_600_000}, ms + 3_600_001, false},
		"at the bound":                 {[]foci.Incarnation{ms + day}, ms, true},
		"just in bounds":               {[]foci.Incarnation{ms + day - 1}, ms + day, false},
		"once far ahead":               {[]foci.Incarnation{1 << 61}, ms, true},
		"the last number":              {[]foci.Incarnation{1<<64 - 1}, ms, true},
		"far ahead after one in bound": {[]foci.Incarnation{ms + 500, 1 << 61}, ms + 501, true},
		"in bounds again":              {[]foci.Incarnation{1 << 61, ms + 500}, ms + 501, false},
	} {
		if next, reset := NextIncarnation(c.past, now); next != c.next || reset != c.reset || !Believable(next, now) {
			t.Errorf("%s: %d, %v; want %d, %v", name, next, reset, c.next, c.reset)
		}
	}
}

// TestNoIncarnationTwice starts a node again and again under a clock that jumps
// between now, the far future and the beginning of time.
func TestNoIncarnationTwice(t *testing.T) {
	used := map[foci.Incarnation]bool{}
	var past []foci.Incarnation
	for n := range 300 {
		clock := []int64{now, now + 9000*int64(MaxAhead), 5}[n/7%3]
		next, _ := NextIncarnation(past, clock)
		if used[next] || !Believable(next, clock) {
			t.Fatalf("start %d has incarnation %d at %d again; it remembers %v", n, next, clock, past)
		}
		used[next] = true
		if past = AddStart(past, next); len(past) > MaxStarts {
			t.Fatalf("%d starts are remembered", len(past))
		}
	}
}
