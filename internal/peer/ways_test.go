package peer

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh"
)

// said is an error that a node answered.
func said(node foci.NodeID, kind foci.Kind) error {
	return &foci.Error{Kind: kind, Err: &mesh.PeerError{Node: node}}
}

func TestHeard(t *testing.T) {
	via, owner := foci.NodeID{1}, foci.NodeID{2}
	for _, v := range []struct {
		err  error
		want word
		kind foci.Kind
	}{
		{nil, hasWay, 0},
		{said(owner, foci.StaleLayout), hasWay, foci.StaleLayout},
		{said(owner, foci.NoRoute), hasWay, foci.NoRoute},
		{foci.Errorf(foci.Away, "the channel was lost"), nothing, foci.Away},
		{said(via, foci.Busy), nothing, foci.Busy},
		{said(via, foci.Away), hasNoWay, foci.Away},
		{said(via, foci.NoRoute), hasNoWay, foci.NoRoute},
		{said(via, foci.Denied), hasNoWay, foci.NoRoute}, // it was not passed on
		{said(via, foci.Internal), hasNoWay, foci.Away},  // perhaps it was
	} {
		got, err := heard(via, v.err)
		if got != v.want || err != nil && foci.KindOf(err) != v.kind || (err == nil) != (v.err == nil) {
			t.Errorf("%v: %v, %v", v.err, got, err)
		}
	}
}

// TestForwarderRests: one that has no way is left alone, longer each time; then
// one request tries it, and when that gets through all go there again.
func TestForwarderRests(t *testing.T) {
	e, via := &detour{}, foci.NodeID{1}
	e.refused(via, 0)
	e.refused(via, time.Millisecond) // was on its way
	r := e.resting[via]
	if r.until != rest || r.long != 2*rest {
		t.Fatalf("%+v", r)
	}
	now, long := time.Duration(0), rest
	for range 6 {
		now = r.until
		r.trying, r.until = true, now+rest // as find has it
		e.refused(via, now+time.Millisecond)
		long = min(2*long, maxRest)
		if r.until != now+time.Millisecond+long || r.trying {
			t.Fatalf("%+v, want to rest for %v", r, long)
		}
	}
	w := &ways{to: map[foci.NodeID]*detour{{9}: e}}
	if !w.back(foci.NodeID{9}) || w.back(foci.NodeID{9}) || w.back(foci.NodeID{8}) {
		t.Error("who rested is known twice, or not at all")
	}
}
