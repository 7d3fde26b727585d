package txn

import (
	"runtime"
	"testing"
	"time"

	"github.com/foci-store/foci"
)

// TestMillionPending: a million legs that wait for a peer that is away take at
// most 512 bytes each, and give them back.
func TestMillionPending(t *testing.T) {
	const legs = 1_000_000
	away := foci.NodeID{1}
	m := New(Config{MaxLegs: legs, Route: func(Target, foci.Class) (Path, error) { return Path{Peer: away}, nil }})
	before := inUse()
	for range legs {
		if _, _, err := m.Submit(nil, 0, Leg{Mutation: true, CanAsk: true, Size: 1, Deadline: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	each := (inUse() - before) / legs
	t.Logf("%d bytes a leg", each)
	if each > 512 {
		t.Errorf("a leg takes %d bytes, want at most 512", each)
	}
	if _, _, err := m.Submit(nil, 0, Leg{Deadline: time.Hour}); foci.KindOf(err) != foci.Busy {
		t.Errorf("one more: %v", err)
	}
	if out := m.PeerUp(nil, time.Minute, away); len(out) != legs {
		t.Errorf("%d legs were sent when the peer came, want all", len(out))
	}
	out := m.Close(nil, time.Minute)
	if len(out) != legs || m.Len() != 0 {
		t.Errorf("%d legs ended, %d are left", len(out), m.Len())
	}
	out = nil
	if left := inUse() - before; left > 8<<20 {
		t.Errorf("%d bytes are kept when nothing is pending", left)
	}
	runtime.KeepAlive(m)
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
