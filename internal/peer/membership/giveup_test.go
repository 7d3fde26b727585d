package membership

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
)

// TestWhoIsAwayForLongIsGivenUp unless the layout has it; with a newer entry it
// is dialled again, and one that says that it left is not dialled at all.
func TestWhoIsAwayForLongIsGivenUp(t *testing.T) {
	p, _ := watched(t)
	away := told(2, 1)
	away[0].Addrs = []string{"127.0.0.1:1:2-0"}
	p.Learn(foci.NodeID{9}, away)
	id := foci.NodeID{2}
	now := p.now()
	p.giveUpAbsent(now)
	p.giveUpAbsent(now + route.MaxAbsence - time.Second)
	if p.mesh.Peer(id) == nil || len(p.Known()) != 2 {
		t.Fatal("given up too soon")
	}
	p.giveUpAbsent(now + route.MaxAbsence)
	if p.mesh.Peer(id) != nil || len(p.Known()) != 1 {
		t.Fatal("not given up")
	}
	p.Learn(foci.NodeID{9}, away)
	if p.mesh.Peer(id) != nil {
		t.Fatal("the old entry brings it back")
	}
	away[0].Counter++
	p.Learn(foci.NodeID{9}, away)
	if p.mesh.Peer(id) == nil || len(p.Known()) != 2 {
		t.Fatal("a newer entry does not bring it back")
	}
	away[0].Counter++
	away[0].Addrs = nil
	p.Learn(foci.NodeID{9}, away)
	if p.mesh.Peer(id) != nil || len(p.Known()) != 1 {
		t.Fatal("it is dialled although it left")
	}
}
