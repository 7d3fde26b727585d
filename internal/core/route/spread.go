package route

import (
	"slices"

	"github.com/foci-store/foci"
)

// Fanout is to how many random peers a process passes on what it has learnt.
// The origin tells every peer by itself; passing on is for those it cannot reach.
const Fanout = 3

// MaxTells is how many messages may be on their way to one peer. What a slow peer
// is not told it finds when it compares digests.
const MaxTells = 4

// Spread decides which peers are told of what has changed (gossip), and with which
// one to compare (anti-entropy). It is a machine: not safe for concurrent use.
//
// Our own entry goes to every peer that is up, and to each that comes up. An entry
// that was news to us goes on to a few, never to the peer that told it; a peer
// that knows it already passes nothing on. What is lost on these paths is found by
// comparing digests with one random peer after the other.
type Spread struct {
	up    []foci.NodeID
	at    map[foci.NodeID]int         // where each of them is in up
	self  bool                        // our own entry is to be told to every peer
	fresh []foci.NodeID               // peers that came up and have not been told our own entry
	news  map[foci.NodeID]foci.NodeID // nodes whose entries are to be passed on, and the peers that told them

	leaving  bool                // every peer is told, however many messages are on their way
	underway map[foci.NodeID]int // messages to a peer that were not answered yet
}

// Tell says which peer is sent which nodes' entries.
type Tell struct {
	To    foci.NodeID
	Nodes []foci.NodeID
}

// PeerUp notes that a peer can be told.
func (s *Spread) PeerUp(id foci.NodeID) {
	s.fresh = append(s.fresh, id)
	if _, known := s.at[id]; known {
		return
	}
	if s.at == nil {
		s.at = make(map[foci.NodeID]int)
	}
	s.at[id] = len(s.up)
	s.up = append(s.up, id)
}

// PeerDown notes that a peer cannot be told any more.
func (s *Spread) PeerDown(id foci.NodeID) {
	s.fresh = slices.DeleteFunc(s.fresh, func(c foci.NodeID) bool { return c == id })
	i, known := s.at[id]
	if !known {
		return
	}
	last := len(s.up) - 1
	s.up[i] = s.up[last]
	s.at[s.up[i]] = i
	s.up = s.up[:last]
	delete(s.at, id)
}

// Learned notes what a merge did. It reports whether there is something to tell.
func (s *Spread) Learned(from foci.NodeID, c *Changes) bool {
	for _, id := range c.Nodes {
		if s.news == nil {
			s.news = make(map[foci.NodeID]foci.NodeID)
		}
		s.news[id] = from
	}
	s.self = s.self || c.Self
	return s.Waiting()
}

// Moved notes that our own entry has changed.
func (s *Spread) Moved() { s.self = true }

// Leave notes that our own entry says that we have left: the last thing to be told.
func (s *Spread) Leave() { s.self, s.leaving = true, true }

// Finished notes that a message of Flush was answered, was lost or could not be
// sent.
func (s *Spread) Finished(to foci.NodeID) {
	if s.underway[to]--; s.underway[to] <= 0 {
		delete(s.underway, to)
	}
}

// Waiting reports whether there is something to tell.
func (s *Spread) Waiting() bool { return s.self || len(s.news)+len(s.fresh) > 0 }

// Flush is what is to be told now, one message for each peer. The caller decides
// how often: what is learnt meanwhile goes into the same messages. self is our
// own id; random yields a number below its argument.
func (s *Spread) Flush(self foci.NodeID, random func(n int) int) []Tell {
	told := make(map[foci.NodeID][]foci.NodeID)
	first := s.fresh
	if s.self {
		first = s.up
	}
	for _, to := range first {
		if !self.IsZero() && len(told[to]) == 0 {
			told[to] = append(told[to], self)
		}
	}
	ids := make([]foci.NodeID, 0, len(s.news))
	for id := range s.news {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, compareIDs) // a seed decides everything
	for _, id := range ids {
		for _, to := range s.some(id, s.news[id], random) {
			told[to] = append(told[to], id)
		}
	}
	s.self, s.news, s.fresh = false, nil, nil
	out := make([]Tell, 0, len(told))
	for to, ids := range told {
		if s.underway[to] < MaxTells || s.leaving {
			s.start(to)
			out = append(out, Tell{To: to, Nodes: ids})
		}
	}
	slices.SortFunc(out, func(a, b Tell) int { return compareIDs(a.To, b.To) })
	return out
}

func (s *Spread) start(to foci.NodeID) {
	if s.underway == nil {
		s.underway = make(map[foci.NodeID]int)
	}
	s.underway[to]++
}

// some are at most Fanout random peers, without two that need not be told.
func (s *Spread) some(about, from foci.NodeID, random func(n int) int) []foci.NodeID {
	var out []foci.NodeID
	for range 4 * Fanout { // some draws hit what is not wanted
		if len(s.up) == 0 || len(out) == Fanout {
			break
		}
		id := s.up[random(len(s.up))]
		if id != about && id != from && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// Partner is a random peer to compare digests with; false when none is up.
func (s *Spread) Partner(random func(n int) int) (foci.NodeID, bool) {
	if len(s.up) == 0 {
		return foci.NodeID{}, false
	}
	return s.up[random(len(s.up))], true
}

// Up lists the peers that can be told.
func (s *Spread) Up() []foci.NodeID { return slices.Clone(s.up) }

func compareIDs(a, b foci.NodeID) int { return slices.Compare(a[:], b[:]) }
