package txn

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/foci-store/foci"
)

// healthy is a machine whose one peer is up.
func healthy(cfg Config) *Machine {
	peer := foci.NodeID{1}
	cfg.Route = func(Target, foci.Class) (Path, error) { return Path{Peer: peer}, nil }
	m := New(cfg)
	m.PeerUp(nil, 0, peer)
	return m
}

func TestMemoryOfALeg(t *testing.T) {
	const perLeg = unsafe.Sizeof(pending{}) + unsafe.Sizeof(slot{}) + 2*unsafe.Sizeof(&pending{}) // its timer, and its place on the way back
	if perLeg > 512 {
		t.Errorf("a pending leg takes %d bytes, want at most 512", perLeg)
	}
	t.Logf("%d bytes", perLeg)
}

// done is an answer.
var done = Delivery{Fate: Answered}

func TestHealthyPathDoesNotAllocate(t *testing.T) {
	m := healthy(Config{})
	effects := make([]Effect, 0, 4)
	now := time.Duration(0)
	allocs := testing.AllocsPerRun(1000, func() {
		now += time.Microsecond
		effects, _, _ = m.Submit(effects[:0], now, Leg{Mutation: true, Size: 1024, Deadline: now + time.Second})
		e := &effects[0]
		m.Sent(e.Leg, e.Attempt, 1, 0)
		effects = m.Delivered(effects[:0], now, e.Leg, e.Attempt, &done)
	})
	if allocs != 0 {
		t.Errorf("%v allocations a leg, want 0", allocs)
	}
}

func TestNothingRunsByItself(t *testing.T) {
	m, other := healthy(Config{}), healthy(Config{})
	_, id, err := m.Submit(nil, 0, Leg{Deadline: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if out := other.Tick(nil, time.Hour); len(out) != 0 || other.Len() != 0 {
		t.Errorf("another machine of the process did %v", out)
	}
	out, _, err := m.Submit(nil, time.Hour, Leg{Deadline: 2 * time.Hour})
	if err != nil || len(out) != 1 {
		t.Fatalf("effects %v, error %v: only Tick may run timers", out, err)
	}
	out = m.Tick(nil, time.Hour)
	if len(out) != 1 || out[0].Do != Finish || out[0].Leg != id {
		t.Errorf("Tick did %v, want the first leg's end", out)
	}
	// A clock that goes back stands still: the second leg is not stalled twice.
	if out = m.Tick(nil, time.Minute); len(out) != 0 {
		t.Errorf("a clock that went back did %v", out)
	}
}

func TestOldIDsAreNotFound(t *testing.T) {
	m := healthy(Config{})
	var old []LegID
	used := make(map[LegID]bool)
	for round := range 3 {
		// More legs than the machine keeps slots for when it is idle.
		var fresh []LegID
		for range 2 * maxSpare {
			_, id, err := m.Submit(nil, 0, Leg{Deadline: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			if used[id] || id == 0 {
				t.Fatalf("round %d: id %d was used before", round, id)
			}
			used[id] = true
			fresh = append(fresh, id)
		}
		for _, id := range old {
			if out := m.Delivered(nil, 0, id, 1, &done); len(out) > 0 {
				t.Fatalf("round %d: an answer to the finished leg %d did %v", round, id, out)
			}
		}
		for _, id := range fresh {
			if out := m.Delivered(nil, 0, id, 1, &done); len(out) != 1 {
				t.Fatalf("round %d: the answer to leg %d did %v", round, id, out)
			}
		}
		if m.Len() != 0 || len(m.slots) != 0 {
			t.Fatalf("idle with %d legs and %d slots", m.Len(), len(m.slots))
		}
		old = append(old, fresh...)
	}
	if late := m.Counters().Late; late != 3*2*maxSpare {
		t.Errorf("%d late answers counted, want %d", late, 3*2*maxSpare)
	}
}

func TestErrorNamesEverything(t *testing.T) {
	m := healthy(Config{Resends: -1})
	out, id, err := m.Submit(nil, 0, Leg{Mutation: true, Deadline: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	m.Sent(id, out[0].Attempt, 1, 7)
	cause := &foci.Error{Kind: foci.StaleLayout, Msg: "layout 3 is current"}
	out = m.Delivered(nil, time.Second, id, 1, &Delivery{Fate: Refused, Err: cause})
	got := out[0].Outcome.Err
	for _, want := range []string{"node 01000000", "layout 3 is current", "attempt 1 after 0s", "by table 7"} {
		if !strings.Contains(got.Error(), want) {
			t.Errorf("error %q does not say %q", got, want)
		}
	}
	if !errors.Is(got, foci.StaleLayout) || !errors.Is(got, error(cause)) {
		t.Errorf("error %v has lost its kind or its cause", got)
	}
}

func TestPeersAreForgotten(t *testing.T) {
	n := byte(0)
	m := New(Config{Route: func(Target, foci.Class) (Path, error) { n++; return Path{Peer: foci.NodeID{n}}, nil }})
	for range 200 {
		_, id, err := m.Submit(nil, 0, Leg{Deadline: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		m.Cancel(nil, 0, id)
	}
	if len(m.peers) > idlePeers+2 || len(m.peers) != len(m.index) {
		t.Errorf("%d peers are remembered, %d found", len(m.peers), len(m.index))
	}
}

func BenchmarkLeg(b *testing.B) {
	for _, bench := range []struct {
		name    string
		pending int
	}{{"alone", 0}, {"among-10000", 10_000}} {
		b.Run(bench.name, func(b *testing.B) {
			m := healthy(Config{})
			effects := make([]Effect, 0, 4)
			now := time.Duration(0)
			for range bench.pending {
				now += time.Microsecond
				effects, _, _ = m.Submit(effects[:0], now, Leg{Mutation: true, Deadline: time.Hour, Stall: time.Hour})
			}
			b.ReportAllocs()
			for b.Loop() {
				now += time.Microsecond
				effects, _, _ = m.Submit(effects[:0], now, Leg{Mutation: true, Size: 1024, Deadline: now + 30*time.Second})
				leg, attempt := effects[0].Leg, effects[0].Attempt
				m.Sent(leg, attempt, 1, 0)
				effects = m.Delivered(effects[:0], now, leg, attempt, &done)
			}
		})
	}
}
