package route

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/foci-store/foci"
)

func flush(s *Spread, self foci.NodeID) map[foci.NodeID][]foci.NodeID {
	out := map[foci.NodeID][]foci.NodeID{}
	for _, t := range s.Flush(self, rand.New(rand.NewPCG(1, 2)).IntN) {
		out[t.To] = t.Nodes
		s.Finished(t.To)
	}
	return out
}

func spreadWith(peers int) *Spread {
	s := new(Spread)
	for n := range peers {
		s.PeerUp(nodeID(100 + n))
	}
	flush(s, nodeID(1))
	return s
}

// A node that moves tells everybody itself, once.
func TestOriginTellsAll(t *testing.T) {
	s := spreadWith(10)
	s.Moved()
	told := flush(s, nodeID(1))
	if len(told) != 10 {
		t.Errorf("%d peers were told", len(told))
	}
	for to, about := range told {
		if !slices.Equal(about, []foci.NodeID{nodeID(1)}) {
			t.Errorf("%v was told of %v", to, about)
		}
	}
	if again := flush(s, nodeID(1)); len(again) > 0 || s.Waiting() {
		t.Errorf("told again: %v", again)
	}
}

// A peer that comes up is told our own entry, and no other peer is.
func TestNewLinkIsToldWhoWeAre(t *testing.T) {
	s := spreadWith(10)
	s.PeerUp(nodeID(2))
	if told := flush(s, nodeID(1)); len(told) != 1 || !slices.Equal(told[nodeID(2)], []foci.NodeID{nodeID(1)}) {
		t.Errorf("told: %v", told)
	}
	s.PeerUp(nodeID(3))
	s.PeerDown(nodeID(3))
	if told := flush(s, nodeID(1)); len(told) > 0 {
		t.Errorf("told a peer that is down: %v", told)
	}
}

// News go on to a few peers, not to their subject nor to the peer that told them; of
// many at a time each peer gets one message.
func TestNewsGoOnToAFew(t *testing.T) {
	s := spreadWith(10)
	s.Learned(nodeID(100), &Changes{Nodes: []foci.NodeID{nodeID(101)}})
	told := flush(s, nodeID(1))
	if len(told) != Fanout || told[nodeID(100)] != nil || told[nodeID(101)] != nil {
		t.Errorf("told: %v", told)
	}
	var many Changes
	for n := range 1000 {
		many.Nodes = append(many.Nodes, nodeID(1000+n))
	}
	s.Learned(nodeID(100), &many)
	total := 0
	for _, about := range flush(s, nodeID(1)) {
		total += len(about)
	}
	if total > Fanout*1000 || total < 2*1000 {
		t.Errorf("%d entries are told", total)
	}
}

// What is known already goes no further.
func TestDuplicatesStop(t *testing.T) {
	r := newRoutes(t, "10.0.0.1:1:2-0")
	s := spreadWith(10)
	e := entry(2, 1, 1, "10.0.0.2:1:2-0")
	c := r.Merge(nodeID(100), []wireRoute{e}, now)
	if !s.Learned(nodeID(100), &c) {
		t.Error("news are not told")
	}
	flush(s, nodeID(1))
	c = r.Merge(nodeID(101), []wireRoute{e}, now)
	if s.Learned(nodeID(101), &c) {
		t.Error("what is known is told again")
	}
	if r.ToldBy(nodeID(2)) != nodeID(100) {
		t.Errorf("told by %v", r.ToldBy(nodeID(2)))
	}
}

// Without peers nothing is told, and only our own entry is kept for later.
func TestWithoutPeers(t *testing.T) {
	s := new(Spread)
	s.Learned(nodeID(9), &Changes{Nodes: []foci.NodeID{nodeID(2)}, Self: true})
	if told := flush(s, nodeID(1)); len(told) > 0 || s.Waiting() {
		t.Errorf("told: %v", told)
	}
	if _, ok := s.Partner(rand.IntN); ok {
		t.Error("a partner to compare with")
	}
	s.PeerUp(nodeID(2))
	s.PeerUp(nodeID(2))
	if len(s.Up()) != 1 {
		t.Errorf("%d peers", len(s.Up()))
	}
	s.PeerDown(nodeID(2))
	s.PeerDown(nodeID(2))
	if len(s.Up()) != 0 {
		t.Errorf("%d peers", len(s.Up()))
	}
}

// A peer that answers nothing has a few messages on their way and no more, until
// one was answered. That we leave is told to it all the same.
func TestSlowPeerIsToldLittle(t *testing.T) {
	s := spreadWith(1)
	told := func() int { return len(s.Flush(nodeID(1), rand.IntN)) }
	for n := range MaxTells + 2 {
		s.Moved()
		if got := told(); got != 1 && n < MaxTells || got != 0 && n >= MaxTells {
			t.Errorf("%d messages at time %d", got, n)
		}
	}
	s.Finished(nodeID(100))
	s.Moved()
	if told() != 1 {
		t.Error("not told after an answer")
	}
	s.Leave()
	if told() != 1 {
		t.Error("not told that we leave")
	}
}
