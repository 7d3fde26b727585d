package route

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
)

// TestWant: which links a member and a transport client keep, and where.
func TestWant(t *testing.T) {
	member := newRoutes(t, "192.0.2.1:1:2-0")
	client, err := New(foci.NodeID{}, 0, foci.RoleTransport, nil)
	if err != nil {
		t.Fatal(err)
	}
	gateway := entry(3, 1, 1, "192.0.2.3:1:2-0")
	gateway.Role = foci.RoleClient
	for _, r := range []*Routes{member, client} {
		r.Merge(nodeID(9), []wireRoute{entry(2, 1, 1, "192.0.2.2:1:2-0", "192.0.2.2:2:2-5"), gateway, entry(4, 1, 1)}, 1<<60)
	}
	placed := Placed{Is: true, Addrs: addrs(t, "192.0.2.99:1:2-0", "192.0.2.99:2:2-5")}
	for name, c := range map[string]struct {
		r      *Routes
		id     int
		layout Placed
		tables []foci.Table
		want   Want
		first  string
	}{
		"it told its addresses":            {member, 2, placed, []foci.Table{5, 0}, Dial, "192.0.2.2:2:2-5"},
		"only the layout knows it":         {member, 7, placed, []foci.Table{0}, Dial, "192.0.2.99:1:2-0"},
		"in none of our tables":            {member, 2, placed, []foci.Table{8}, Ignore, ""},
		"nothing is known":                 {member, 7, Placed{}, []foci.Table{0}, Ignore, ""},
		"it has left":                      {member, 4, Placed{}, []foci.Table{0}, HangUp, ""},
		"it has left, but has backends":    {member, 4, placed, []foci.Table{0}, Dial, "192.0.2.99:1:2-0"},
		"a gateway, by a member":           {member, 3, Placed{}, []foci.Table{0}, Dial, "192.0.2.3:1:2-0"},
		"a gateway, by a transport client": {client, 3, Placed{}, []foci.Table{0}, Ignore, ""},
		"a data node, by a client":         {client, 2, Placed{}, []foci.Table{0}, Dial, "192.0.2.2:1:2-0"},
		"this node itself":                 {member, 1, placed, []foci.Table{0}, Ignore, ""},
	} {
		got, at := c.r.Want(nodeID(c.id), c.layout, c.tables)
		if got != c.want || (len(at) > 0) != (c.first != "") || len(at) > 0 && at[0].String() != c.first {
			t.Errorf("%s: %v at %v", name, got, at)
		}
	}
}

// TestAbsences: a node is given up once, after it was out of reach without a break.
func TestAbsences(t *testing.T) {
	var a Absences
	id := nodeID(1)
	observe := func(absent bool, at time.Duration, want bool) {
		t.Helper()
		if a.Observe(id, absent, at) != want {
			t.Errorf("at %v: %v", at, !want)
		}
	}
	observe(true, time.Minute, false)
	observe(true, MaxAbsence, false)
	observe(false, MaxAbsence+30*time.Second, false) // it was there again
	observe(true, 2*MaxAbsence, false)
	observe(true, 3*MaxAbsence-1, false)
	observe(true, 3*MaxAbsence, true)
	observe(true, 3*MaxAbsence+1, false) // it begins anew
	a.Forget(id)
	observe(true, 5*MaxAbsence, false)
}

// TestRemotes: this node itself, those that left and those in other tables are not
// remembered.
func TestRemotes(t *testing.T) {
	r := newRoutes(t, "192.0.2.1:1:2-0")
	r.Merge(nodeID(9), []wireRoute{entry(2, 1, 1, "192.0.2.2:1:2-0", "192.0.2.2:2:2-5"), entry(3, 1, 1), entry(4, 1, 1, "192.0.2.4:1:2-7")}, 1<<60)
	got := r.Remotes([]foci.Table{0})
	if len(got) != 1 || got[0].HostPort() != "192.0.2.2:1" {
		t.Errorf("%v", got)
	}
}
