package route

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
)

var (
	simNodes = flag.Int("mesh.nodes", 100, "how many nodes the simulated mesh has")
	simProof = flag.Int("mesh.proof", 0, "bytes of the certificate and signature with each route; 0 = none")
	simSeed  = flag.Uint64("mesh.seed", 1, "decides everything that chance decides")
)

const (
	simAsks  = 32 // comparisons with new peers that a node has under way at a time, as in package peer
	simFrame = 32 // bytes of a frame's header
)

// member is one simulated process: the two machines, and the peers that it has
// yet to compare with.
type member struct {
	*Routes
	Spread
	id  foci.NodeID
	met []int
	in  []wire.Route // arrives at the end of the round
	fro []foci.NodeID
}

// simMesh is a mesh in rounds. A round is one round trip: every node compares
// digests with one random peer and, when pushes are on, with peers that are new
// to it, and sends what it has to tell; all of it from what was known when the
// round began. Whoever is learnt of is dialled by its end.
type simMesh struct {
	rnd     *rand.Rand
	all     []*member
	index   map[foci.NodeID]int
	tables  int
	pushes  bool
	buf     []byte
	rounds  int
	dials   int
	msgs    int
	bytes   int
	largest int
}

func newSimMesh(t testing.TB, n, tables int, pushes bool) *simMesh {
	s := &simMesh{rnd: rand.New(rand.NewPCG(*simSeed, uint64(n))), index: map[foci.NodeID]int{}, tables: tables, pushes: pushes}
	for range n {
		s.add(t)
	}
	return s
}

func (s *simMesh) random(n int) int { return s.rnd.IntN(n) }

func (s *simMesh) add(t testing.TB) int {
	i := len(s.all)
	id := foci.NodeID{}
	for j := range id {
		id[j] = byte(s.rnd.Uint32())
	}
	m := &member{id: id}
	var err error
	if m.Routes, err = New(id, 1, foci.RoleData, s.addrs(i, 0)); err != nil {
		t.Fatal(err)
	}
	prove(m.Routes)
	m.Moved()
	s.all, s.index[id] = append(s.all, m), i
	return i
}

// prove gives a node's entry a proof of the length that was asked for.
func prove(r *Routes) {
	if n := *simProof; n > 0 {
		r.SignBy(func(*wire.Route) wire.RouteProof { return wire.RouteProof{Cert: make([]byte, n)} })
	}
}

func (s *simMesh) addrs(i, moved int) []Address {
	out := make([]Address, s.tables)
	for t := range out {
		out[t] = Address{Host: fmt.Sprintf("10.%d.%d.%d", t+moved*100, i>>8, i&255), Port: 1025, Family: IPv4, Table: foci.Table(t)}
	}
	return out
}

// link is a dial of i to j that succeeds.
func (s *simMesh) link(i, j int) {
	m := s.all[i]
	m.PeerUp(s.all[j].id)
	m.met = append(m.met, j)
	s.dials++
}

func (s *simMesh) sent(m codec.Message) {
	s.buf = m.Append(s.buf[:0])
	s.msgs++
	s.bytes += simFrame + len(s.buf)
	s.largest = max(s.largest, simFrame+len(s.buf))
}

// give puts entries where they arrive at the end of the round.
func (s *simMesh) give(to int, from foci.NodeID, entries []wire.Route) {
	m := s.all[to]
	for _, e := range entries {
		m.in, m.fro = append(m.in, e), append(m.fro, from)
	}
}

// compare is one comparison of digests, with what follows from it.
func (s *simMesh) compare(i, j int) {
	a, b := s.all[i], s.all[j]
	d := wire.Digest{Sums: a.Digest()}
	s.sent(&d)
	v := b.Versions(d.Sums)
	s.sent(&v)
	news, want := a.Compare(&v, true, now)
	if len(news)+len(want) == 0 {
		return
	}
	q := wire.Routes{Routes: news, Want: want}
	s.sent(&q)
	answer := wire.Routes{Routes: b.Answer(&q, true)}
	s.sent(&answer)
	s.give(j, a.id, news)
	s.give(i, b.id, answer.Routes)
}

func (s *simMesh) round() {
	s.rounds++
	for _, i := range s.rnd.Perm(len(s.all)) {
		m := s.all[i]
		if s.pushes {
			for _, tell := range m.Flush(m.id, s.random) {
				m.Finished(tell.To)
				q := wire.Routes{}
				for _, id := range tell.Nodes {
					e, _ := m.Entry(id)
					q.Routes = append(q.Routes, e)
				}
				s.sent(&q)
				s.sent(&wire.Routes{})
				s.give(s.index[tell.To], m.id, q.Routes)
			}
			s.rnd.Shuffle(len(m.met), func(a, b int) { m.met[a], m.met[b] = m.met[b], m.met[a] })
			n := min(simAsks, len(m.met))
			for _, j := range m.met[:n] {
				s.compare(i, j)
			}
			m.met = m.met[n:]
		}
		if with, ok := m.Partner(s.random); ok {
			s.compare(i, s.index[with])
		}
	}
	for i, m := range s.all {
		for k := range m.in {
			c := m.Merge(m.fro[k], m.in[k:k+1], now)
			if s.pushes {
				m.Learned(m.fro[k], &c)
			}
			for _, id := range c.Nodes {
				if _, linked := m.at[id]; !linked {
					s.link(i, s.index[id])
				}
			}
		}
		m.in, m.fro = nil, nil
	}
}

// whole reports whether everybody knows what everybody says of himself.
func (s *simMesh) whole() bool {
	want := s.all[0].fold(1)[0]
	sum := uint64(0)
	for _, m := range s.all {
		self := m.Self()
		sum += self.Version().Sum()
		if m.fold(1)[0] != want {
			return false
		}
	}
	return sum == want
}

func (s *simMesh) run(t testing.TB, most int) int {
	s.rounds, s.dials, s.msgs, s.bytes, s.largest = 0, 0, 0, 0, 0
	for !s.whole() {
		if s.round(); s.rounds > 2*most {
			break
		}
	}
	if s.rounds > most {
		t.Errorf("the tables are not whole in %d rounds", most)
	}
	return s.rounds
}

// settle ends the comparisons and pushes that are left over.
func (s *simMesh) settle() {
	for range len(s.all)/simAsks + 2 {
		s.round()
	}
}

// cold is n nodes started at once, each knowing one that is older.
func (s *simMesh) cold() {
	for i := range s.all {
		if i > 0 {
			s.link(i, s.rnd.IntN(min(i, 3)))
		}
	}
}

// restart gives every node a new incarnation; the links are up again at once,
// to addresses that are remembered.
func (s *simMesh) restart(t testing.TB) {
	for i, m := range s.all {
		known := m.Entries()
		r, err := New(m.id, 2, foci.RoleData, s.addrs(i, 1))
		if err != nil {
			t.Fatal(err)
		}
		prove(r)
		r.Merge(foci.NodeID{}, known, now)
		m.Routes, m.Spread, m.met = r, Spread{up: m.up, at: m.at, self: true}, nil
	}
}

// TestThousandNodes is how fast tables become whole, and what it costs. With
// -v and -mesh.nodes 1000 it prints the table of docs/performance.md.
func TestThousandNodes(t *testing.T) {
	n := *simNodes
	if testing.Short() {
		n = min(n, 60)
	}
	out := &strings.Builder{}
	fmt.Fprintf(out, "\n| %d nodes | tables | rounds | dials a node | messages a node | KiB a node | largest message, KiB |\n|---|---|---|---|---|---|---|\n", n)
	for tables := 1; tables <= 3; tables++ {
		for _, pushes := range []bool{true, false} {
			most, how := 5, "pushes and digests"
			if !pushes {
				most, how = 12, "digests alone"
			}
			row := func(s *simMesh, what string) {
				k := float64(len(s.all))
				fmt.Fprintf(out, "| %s, %s | %d | %d | %.0f | %.1f | %.1f | %.1f |\n", what, how, tables, s.rounds,
					float64(s.dials)/k, float64(s.msgs)/k, float64(s.bytes)/1024/k, float64(s.largest)/1024)
			}
			s := newSimMesh(t, n, tables, pushes)
			s.cold()
			s.run(t, most)
			row(s, "all started at once")
			s.settle()
			s.link(s.add(t), 0)
			s.run(t, most)
			row(s, "one newcomer")
			s.settle()
			s.restart(t)
			s.run(t, most)
			row(s, "all restarted, addresses changed")
			s.settle()
			s.msgs, s.bytes = 0, 0
			s.rounds = 0
			s.round()
			row(s, "one round in which nothing changes")
		}
	}
	t.Log(out)
}
