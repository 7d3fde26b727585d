package route

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
)

// now is the clock of these tests.
const now = 1_900_000_000 * int64(time.Second)

func nodeID(n int) foci.NodeID { return foci.NodeID{byte(n), byte(n >> 8), 15: 1} }

func addrs(t testing.TB, texts ...string) []Address {
	t.Helper()
	out := make([]Address, len(texts))
	for i, s := range texts {
		var err error
		if out[i], err = ParseAddress(s); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func newRoutes(t testing.TB, texts ...string) *Routes {
	t.Helper()
	r, err := New(nodeID(1), 100, foci.RoleData, addrs(t, texts...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func entry(n int, inc foci.Incarnation, counter uint64, texts ...string) wire.Route {
	return wire.Route{Node: nodeID(n), Incarnation: inc, Counter: counter, Role: foci.RoleData, Addrs: texts}
}

func TestReachPrefersTablesInOrder(t *testing.T) {
	r := newRoutes(t, "10.0.0.1:1:2-0")
	r.Merge(nodeID(9), []wire.Route{entry(2, 1, 1, "10.0.0.2:1:2-0", "10.1.0.2:1:2-1", "[fd00::2]:1:10-1")}, now)
	for _, c := range []struct {
		tables []foci.Table
		want   []string
	}{
		{[]foci.Table{1, 0}, []string{"10.1.0.2:1:2-1", "[fd00::2]:1:10-1", "10.0.0.2:1:2-0"}},
		{[]foci.Table{0}, []string{"10.0.0.2:1:2-0"}},
		{[]foci.Table{7, 1}, []string{"10.1.0.2:1:2-1", "[fd00::2]:1:10-1"}},
	} {
		got, err := r.Reach(nodeID(2), c.tables)
		if err != nil || !slices.Equal(got, addrs(t, c.want...)) {
			t.Errorf("by tables %v: %v, %v; want %v", c.tables, got, err, c.want)
		}
	}
	_, err := r.Reach(nodeID(2), []foci.Table{2, 5})
	if foci.KindOf(err) != foci.NoRoute || !strings.Contains(err.Error(), "tables 2, 5") || !strings.Contains(err.Error(), "tables 0, 1") {
		t.Errorf("no table in common: %v", err)
	}
	if _, err := r.Reach(nodeID(3), []foci.Table{0}); foci.KindOf(err) != foci.NoRoute {
		t.Errorf("a node that is not known: %v", err)
	}
	if !r.Has(nodeID(2), 1) || r.Has(nodeID(2), 2) || r.Has(nodeID(3), 0) {
		t.Error("Has disagrees with Reach")
	}
	if got := r.Tables(nodeID(2)); !slices.Equal(got, []foci.Table{0, 1}) {
		t.Errorf("tables are %v", got)
	}
}

func TestNewerEntriesReplaceOlderOnes(t *testing.T) {
	r := newRoutes(t, "10.0.0.1:1:2-0")
	for i, c := range []struct {
		e       wire.Route
		changed bool
	}{
		{entry(2, 5, 1, "10.0.0.2:1:2-0"), true},
		{entry(2, 5, 1, "10.0.0.3:1:2-0"), false}, // the same version: the first one stays
		{entry(2, 4, 9, "10.0.0.4:1:2-0"), false},
		{entry(2, 5, 2, "10.0.0.5:1:2-0"), true},
		{entry(2, 6, 0, "10.0.0.6:1:2-3"), true}, // restarted, with new addresses
		{entry(2, 5, 3, "10.0.0.7:1:2-0"), false},
	} {
		before, _ := r.Entry(nodeID(2))
		c.e.Addrs = slices.Clone(c.e.Addrs)
		got := r.Merge(nodeID(9), []wire.Route{c.e}, now)
		if changed := len(got.Nodes) == 1; changed != c.changed || got.Self || got.NRefused > 0 {
			t.Errorf("merge %d: %+v, want a change: %v", i, got, c.changed)
		}
		want := c.e
		if !c.changed {
			want = before
		}
		wantAddrs := slices.Clone(want.Addrs)
		c.e.Addrs[0] = "changed by the caller afterwards"
		if now, _ := r.Entry(nodeID(2)); now.Counter != want.Counter || now.Incarnation != want.Incarnation || !slices.Equal(now.Addrs, wantAddrs) {
			t.Errorf("merge %d: entry is %+v, want %+v", i, now, want)
		}
	}
}

func TestHostileEntriesAreRefused(t *testing.T) {
	many := make([]string, foci.MaxAddrs+1)
	for i := range many {
		many[i] = fmt.Sprintf("10.0.0.%d:1:2-0", i)
	}
	transport := entry(2, 1, 1)
	transport.Role = foci.RoleTransport
	future := entry(2, 1, 1)
	future.Role = foci.NumRoles
	for name, e := range map[string]wire.Route{
		"no id": {Role: foci.RoleData}, "transport client": transport, "unknown role": future,
		"too many addresses": entry(2, 1, 1, many...), "no address": entry(2, 1, 1, "nonsense"), "a table that cannot be": entry(2, 1, 1, "10.0.0.2:1:2-65536"),
		"one twice":   entry(2, 1, 1, "10.0.0.2:1:2-0", "10.0.0.2:1:2-0"),
		"incarnation": entry(2, Latest(now)+1, 1), "the last incarnation": entry(2, 1<<64-1, 1), "counter": entry(2, 1, MaxCounter+1), "the last counter": entry(2, 1, 1<<64-1),
	} {
		r := newRoutes(t, "10.0.0.1:1:2-0")
		got := r.Merge(nodeID(9), []wire.Route{e, entry(3, 1, 1, "10.0.0.3:1:2-0")}, now)
		if got.NRefused != 1 || len(got.Refused) != 1 || !slices.Equal(got.Nodes, []foci.NodeID{nodeID(3)}) || r.Len() != 2 {
			t.Errorf("%s: %+v, want it refused and the other one taken", name, got)
		}
	}
}

func TestNumberOfNodesIsBounded(t *testing.T) {
	r := newRoutes(t, "10.0.0.1:1:2-0")
	var all []wire.Route
	for n := range foci.MaxNodes + 100 {
		all = append(all, entry(n+2, 1, 1, "10.0.0.2:1:2-0"))
	}
	got := r.Merge(nodeID(9), all, now)
	if r.Len() != foci.MaxNodes || got.NRefused != 101 || len(got.Refused) != MaxRefused {
		t.Errorf("%d nodes, %d refused, %d errors", r.Len(), got.NRefused, len(got.Refused))
	}
	// Those that are known can still change.
	if got := r.Merge(nodeID(9), []wire.Route{entry(2, 2, 0, "10.0.0.2:1:2-0")}, now); len(got.Nodes) != 1 {
		t.Errorf("a known node in a full table: %+v", got)
	}
	r.Forget(nodeID(2))
	if got := r.Merge(nodeID(9), []wire.Route{entry(60000, 1, 1, "10.0.0.2:1:2-0")}, now); len(got.Nodes) != 1 {
		t.Errorf("a new node after one was forgotten: %+v", got)
	}
}

func TestOurOwnEntryIsOurs(t *testing.T) {
	r := newRoutes(t, "10.0.0.1:1:2-0")
	mine := r.Self()
	if got := r.Merge(nodeID(9), []wire.Route{mine, entry(1, 99, 1000, "10.0.0.9:1:2-0")}, now); got.Self || len(got.Nodes) > 0 {
		t.Errorf("our own entry and an older one: %+v", got)
	}
	for _, claim := range []wire.Route{
		entry(1, mine.Incarnation, mine.Counter, "10.0.0.9:1:2-0"),
		entry(1, mine.Incarnation, mine.Counter+10, "10.0.0.9:1:2-0"),
		entry(1, mine.Incarnation+10, 7, "10.0.0.9:1:2-0"),
		entry(1, mine.Incarnation+11, MaxCounter, "10.0.0.9:1:2-0"),
		entry(1, Latest(now), MaxCounter-9, "10.0.0.9:1:2-0"),
	} {
		got := r.Merge(nodeID(9), []wire.Route{claim}, now)
		self := r.Self()
		if !got.Self || got.Impostor == "" || !self.Newer(&claim) || !slices.Equal(self.Addrs, mine.Addrs) {
			t.Errorf("claim %+v: %+v, ours is %+v", claim, got, self)
		}
		if e, _ := r.Entry(nodeID(1)); e.Counter != self.Counter || e.Incarnation != self.Incarnation {
			t.Errorf("what we spread is %+v, ours is %+v", e, self)
		}
	}
	if got := r.Merge(nodeID(9), []wire.Route{entry(1, Latest(now)+1, 1)}, now); got.Self {
		t.Error("a version that no process accepts was answered")
	}
	// Somebody else at our address, from before it was ours.
	before := r.Self()
	got := r.Merge(nodeID(9), []wire.Route{entry(2, 1, 1, "10.0.0.1:1:2-0")}, now)
	if after := r.Self(); !got.Self || !after.Newer(&before) || !strings.Contains(got.Impostor, "10.0.0.1:1:2-0") {
		t.Errorf("another node at our address: %+v", got)
	}
	if got := r.Merge(nodeID(9), []wire.Route{entry(2, 1, 1, "10.0.0.1:1:2-0")}, now); got.Self {
		t.Error("the same claim was answered twice")
	}
	r.Forget(nodeID(1))
	if _, ok := r.Entry(nodeID(1)); !ok {
		t.Error("we forgot ourselves")
	}
}

func TestTransportClientHasNoEntry(t *testing.T) {
	r, err := New(foci.NodeID{}, 0, foci.RoleTransport, nil)
	if err != nil || r.Len() != 0 {
		t.Fatalf("%d entries, %v", r.Len(), err)
	}
	if err := r.Move(addrs(t, "10.0.0.1:1:2-0"), now); err == nil || r.Len() != 0 {
		t.Error("a transport client got an address")
	}
	if got := r.Merge(nodeID(9), []wire.Route{entry(1, 1, 1, "10.0.0.1:1:2-0"), {Role: foci.RoleData}}, now); len(got.Nodes) != 1 || got.NRefused != 1 {
		t.Errorf("merge: %+v", got)
	}
	if _, err := New(nodeID(1), 1, foci.RoleTransport, nil); err == nil {
		t.Error("a transport client with an id got an entry")
	}
}

// TestGossipConverges lets nodes move and exchange entries in any order: in the
// end all know the same, and of each node what it said last.
func TestGossipConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 5).Draw(t, "nodes")
		all := make([]*Routes, n)
		for i := range all {
			var err error
			if all[i], err = New(nodeID(i+1), 1, foci.RoleData, nil); err != nil {
				t.Fatal(err)
			}
		}
		node := rapid.IntRange(0, n-1)
		for step := range rapid.IntRange(0, 40).Draw(t, "steps") {
			a, b := node.Draw(t, "a"), node.Draw(t, "b")
			if a == b {
				if err := all[a].Move([]Address{{"10.0.0.1", uint16(step + 1), IPv4, foci.Table(a)}}, now); err != nil {
					t.Fatal(err)
				}
				continue
			}
			all[b].Merge(nodeID(9), all[a].Entries(), now)
		}
		for range 2 {
			for i := range all {
				all[(i+1)%n].Merge(nodeID(9), all[i].Entries(), now)
			}
		}
		for i, r := range all {
			want := all[0].Entries()
			if got := r.Entries(); len(got) != n || !slices.EqualFunc(got, want, func(a, b wire.Route) bool { return sameEntry(&a, &b) && a.Node == b.Node }) {
				t.Fatalf("node %d knows %+v, node 0 %+v", i, got, want)
			}
			self := all[i].Self()
			if e, _ := all[0].Entry(self.Node); !sameEntry(&e, &self) {
				t.Fatalf("node %d is known as %+v, says %+v", i, e, self)
			}
		}
	})
}

func FuzzMerge(f *testing.F) {
	all := wire.Routes{Routes: []wire.Route{entry(2, 1, 1, "10.0.0.2:1:2-0"), entry(1, 200, 7, "10.0.0.1:1:2-0")}}
	f.Add(all.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var msg wire.Routes
		if codec.Unmarshal(b, &msg) != nil {
			return
		}
		r := newRoutes(t, "10.0.0.1:1:2-0")
		r.Merge(nodeID(9), msg.Routes, now)
		for _, e := range r.Entries() {
			if e.Role == foci.RoleTransport || len(e.Addrs) > foci.MaxAddrs || len(r.Addrs(e.Node)) != len(e.Addrs) {
				t.Fatalf("a bad entry was taken: %+v", e)
			}
		}
		if self := r.Self(); self.Addrs[0] != "10.0.0.1:1:2-0" {
			t.Fatalf("our own entry is %+v", self)
		}
	})
}
