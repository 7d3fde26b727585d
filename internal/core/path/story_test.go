package path

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/story"
)

// TestPathStories plays testdata/stories. An unindented line is an event,
// beginning with its time; the indented lines below it are what it must have
// led to. Nodes have names of one letter; s is this process.
//
//	paths [tables=T,T] [CLASS=T,T]…     first: the tables of this process, and those that a class prefers
//	node N T,T                          the tables in which a node has addresses
//	T linked N… · T unlinked N · T up N TABLE · T down N · T changed
//	T load N BYTES · T rtt N DURATION · T observe N DURATION [times=COUNT]
//	T find N [CLASS] [times=COUNT]      the path of so many requests
//	T relay N                           the relay that requests would take
//	T order N…                          the nodes, nearest first, and the hedging delay
//	T relayed RELAY N ok|lost|KIND [by N]
//	T reachable N
func TestPathStories(t *testing.T) {
	story.Run(t, func(s *story.Story) func([]string) []string { return (&player{Story: s, net: newNetwork()}).event })
}

type player struct {
	*story.Story
	m   *Machine
	net *network
}

// network is what a story says of nodes and links.
type network struct {
	own    []foci.Table
	tables map[foci.NodeID][]foci.Table
	load   map[foci.NodeID]int64
	rtt    map[foci.NodeID]time.Duration
}

func newNetwork() *network {
	return &network{tables: map[foci.NodeID][]foci.Table{}, load: map[foci.NodeID]int64{}, rtt: map[foci.NodeID]time.Duration{}}
}

func (n *network) OwnTables() []foci.Table              { return n.own }
func (n *network) Tables(node foci.NodeID) []foci.Table { return n.tables[node] }
func (n *network) Load(node foci.NodeID) int64          { return n.load[node] }
func (n *network) RTT(node foci.NodeID) time.Duration   { return n.rtt[node] }
func (s *player) node(name string) foci.NodeID          { return foci.NodeID{name[0]} }
func (s *player) name(node foci.NodeID) string          { return string(node[:1]) }
func (s *player) option(w []string, name, def string) string {
	for _, o := range w {
		if value, ok := strings.CutPrefix(o, name+"="); ok {
			return value
		}
	}
	return def
}

func (s *player) list(text string) (tables []foci.Table) {
	if text == "" {
		return nil
	}
	for n := range strings.SplitSeq(text, ",") {
		tables = append(tables, foci.Table(s.Number(n)))
	}
	return tables
}

func (s *player) event(w []string) []string {
	switch w[0] {
	case "paths":
		rng := rand.New(rand.NewPCG(1, 1))
		s.net.own = s.list(s.option(w, "tables", ""))
		cfg := Config{Self: s.node("s"), Network: s.net, Rand: rng.Uint64}
		for c := range foci.NumClasses {
			cfg.Classes[c] = s.list(s.option(w, c.String(), ""))
		}
		s.m = New(cfg)
		return nil
	case "node":
		s.net.tables[s.node(w[1])] = s.list(w[2])
		return nil
	}
	s.At(w[0])
	switch w[1] {
	case "find":
		return s.find(w[2:])
	case "order":
		return s.order(w[2:])
	case "relayed":
		return s.relayed(w[2:])
	case "relay":
		if r := s.m.Relay(s.node(w[2]), s.Now); !r.IsZero() {
			return []string{s.name(r)}
		}
		return []string{"none"}
	case "reachable":
		return []string{fmt.Sprint(s.m.Reachable(s.node(w[2])))}
	}
	s.simple(w[1:])
	return nil
}

// simple are the events without a result.
func (s *player) simple(w []string) {
	var node foci.NodeID
	if len(w) > 1 {
		node = s.node(w[1])
	}
	switch w[0] {
	case "linked":
		for _, n := range w[1:] {
			s.m.Linked(s.node(n))
		}
	case "unlinked":
		s.m.Unlinked(node)
	case "up":
		s.m.Up(node, foci.Table(s.Number(w[2])))
	case "down":
		s.m.Down(node)
	case "changed":
		s.m.Changed()
	case "load":
		s.net.load[node] = int64(s.Number(w[2]))
	case "rtt":
		s.net.rtt[node] = s.Duration(w[2])
	case "observe":
		for range s.Number(s.option(w, "times", "1")) {
			s.m.Observe(node, s.Duration(w[2]), s.Now)
		}
	default:
		s.T.Fatalf("event %v is unknown", w)
	}
}

// find asks for the paths of some requests and tells how many took which.
func (s *player) find(w []string) []string {
	class := foci.Reg
	if len(w) > 1 && !strings.Contains(w[1], "=") {
		class = s.Class(w[1])
	}
	counts := map[string]int{}
	for range s.Number(s.option(w, "times", "1")) {
		counts[s.path(s.m.Find(s.node(w[0]), class, s.Now))]++
	}
	var out []string
	for result, n := range counts {
		if n > 1 {
			result = fmt.Sprintf("%d times %s", n, result)
		}
		out = append(out, result)
	}
	slices.Sort(out)
	return out
}

func (s *player) path(p Path, err error) string {
	result := "direct"
	switch {
	case err != nil && p.Node.IsZero():
		return err.Error()
	case err != nil:
		result = foci.KindOf(err).String()
		if after := err.(*foci.Error).RetryAfter; after > 0 {
			result += fmt.Sprintf(", retry after %v", after)
		}
		return result
	case !p.Relay.IsZero():
		result = "through " + s.name(p.Relay)
	}
	if !s.m.IsUp(p.First()) {
		return result + ", waits for the link"
	}
	return fmt.Sprintf("%s, table %d", result, p.Table)
}

func (s *player) order(w []string) []string {
	var list []Replica
	for i, n := range w {
		list = append(list, Replica{foci.Group(i + 1), s.node(n)})
	}
	hedge := s.m.Order(list, s.Now)
	var names []string
	for _, r := range list {
		names = append(names, s.name(r.Node))
	}
	return []string{fmt.Sprintf("%s, hedge %v", strings.Join(names, " "), hedge)}
}

func (s *player) relayed(w []string) []string {
	relay, node := s.node(w[0]), s.node(w[1])
	var err error
	var author foci.NodeID
	switch w[2] {
	case "ok":
	case "lost":
		err = foci.Errorf(foci.Unreachable, "the channel was lost")
	default:
		err = foci.Errorf(s.Kind(w[2]), "no")
		if author = relay; len(w) > 4 {
			author = s.node(w[4])
		}
	}
	v := s.m.Relayed(relay, node, author, err, s.Now)
	var out []string
	if v.Again {
		out = append(out, "relays again")
	}
	switch {
	case v.Lost:
		out = append(out, foci.KindOf(v.Err).String()+", lost")
	case v.NotSent:
		out = append(out, foci.KindOf(v.Err).String()+", not sent")
	case v.Err != nil:
		out = append(out, foci.KindOf(v.Err).String())
	}
	return out
}
