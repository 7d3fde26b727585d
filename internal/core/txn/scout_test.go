package txn

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
)

// TestOneLooksForAWay is what many legs cost whose node is away and whose
// forwarders have said that they have no way: one of them asks again, whichever
// is still there, and when it has found one all of them go.
func TestOneLooksForAWay(t *testing.T) {
	const legs = 1000
	away, by := foci.NodeID{1}, foci.NodeID{2}
	asked, found := 0, false
	m := New(Config{Route: func(Target, foci.Class) (Path, error) {
		if asked++; found {
			return Path{Peer: away, Relay: by}, nil
		}
		return Path{Peer: away}, &foci.Error{Kind: foci.Unreachable, RetryAfter: time.Second}
	}})
	m.PeerUp(nil, 0, by)
	var ids []LegID
	for range legs {
		_, id, err := m.Submit(nil, 0, Leg{Mutation: true, Deadline: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	asked = 0
	run := func(from, to time.Duration) (out []Effect) {
		for now := from; now < to; now += 100 * time.Millisecond {
			out = m.Tick(out, now)
		}
		return out
	}
	run(0, time.Minute)
	if asked < 20 || asked > 120 {
		t.Errorf("%d legs asked for a way %d times in a minute", legs, asked)
	}
	for _, id := range ids[:legs/2] { // the one that looks is among them
		m.Cancel(nil, time.Minute, id)
	}
	asked = 0
	run(time.Minute, 2*time.Minute)
	if asked < 20 || asked > 120 {
		t.Errorf("the rest asked %d times in a minute", asked)
	}
	found = true
	out := run(2*time.Minute, 2*time.Minute+3*time.Second)
	if len(out) == 0 {
		t.Fatal("noPeer has found the way")
	}
	went := map[LegID]bool{}
	for _, e := range m.RouteChanged(out, 2*time.Minute+3*time.Second) {
		went[e.Leg] = true
	}
	if len(went) != legs/2 {
		t.Errorf("%d of %d went", len(went), legs/2)
	}
}
