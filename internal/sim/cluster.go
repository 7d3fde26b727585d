package sim

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/check"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/sim/engine"
	"github.com/foci-store/foci/internal/sim/mesh"
)

// wallStart is the wall clock at virtual time 0: high enough that a clock an
// hour slow is still positive.
const wallStart = int64(24 * time.Hour)

// layout says which node holds a group.
type layout map[foci.Group]engine.Endpoint

func (l layout) has(at engine.Endpoint) bool {
	for _, owner := range l {
		if owner == at {
			return true
		}
	}
	return false
}

// cluster is everything in one run.
type cluster struct {
	*engine.Network
	mesh    *mesh.Mesh
	mutant  Mutant
	liar    *rand.Rand // of the faults of clocks and of liars
	nodes   []*node
	clients []*client
	layouts map[foci.Epoch]layout
	epoch   foci.Epoch // the newest
	page    int        // entries in an answer to Fetch; small, so that paging is tried
	history []check.Op
	dropped map[foci.ID]foci.Version // newest tombstone that was destroyed
	over    bool                     // no more faults
	busy    float64                  // share of requests that a node refuses
	growth  int                      // how often a stall time doubles; mostly never, for many copies in little time
	watches bool                     // nodes watch their clocks
	stuck   float64                  // share of fsyncs that take up to half a second
	treason float64                  // share of requests that lose their relay midway
	// kept are the requests by which a replica got a record; denied are those whose
	// leg ended with the statement that nothing was done, nor will be.
	kept     map[*wire.Store]bool
	denied   []*wire.Store
	misended error // of the first operation that did not end exactly once by its deadline
	Counts
}

func (c *cluster) misend(format string, args ...any) {
	if c.misended == nil {
		c.misended = fmt.Errorf("promise E: "+format, args...)
	}
}

const (
	groups  = 3
	callers = 4
)

func newCluster(seed uint64, v Mutant) *cluster {
	c := &cluster{
		Network: engine.NewNetwork(engine.New(seed, 0x666f6369)),
		mutant:  v, epoch: 1, liar: newLiar(seed),
		dropped: map[foci.ID]foci.Version{},
		kept:    map[*wire.Store]bool{},
		layouts: map[foci.Epoch]layout{1: {}},
	}
	c.Loss = c.Rand.Float64() * 0.06
	c.Doubled = c.Rand.Float64() * 0.1
	c.Slow = c.Rand.Float64() * 0.08
	c.busy = c.Rand.Float64() * 0.04
	c.stuck = c.Rand.Float64() * c.Rand.Float64() * 0.4
	c.treason = c.Rand.Float64() * 0.03
	c.growth = []int{-1, -1, -1, -1, 2}[c.Rand.IntN(5)]
	c.watches = c.Chance(0.2)
	c.page = 1 + c.Rand.IntN(5)
	c.drawTables()
	c.mesh = mesh.New(c.Network, c.drawLinks())
	for i := range groups + 1 { // one to spare, for changes of layout
		at := engine.Endpoint(i)
		c.nodes = append(c.nodes, &node{cluster: c, at: at, proc: c.mesh.Add(at, true), up: true, epoch: 1, disk: newStore(v)})
		if i < groups {
			c.layouts[1][foci.Group(i+1)] = engine.Endpoint(i)
		}
	}
	for _, n := range c.nodes {
		n.clock = c.skew()
	}
	for _, n := range c.nodes {
		n.hints = newKeeper(n)
	}
	for i := range callers {
		c.clients = append(c.clients, newClient(c, i, nil))
	}
	for _, cl := range c.everybody() {
		cl.proc.Start()
	}
	return c
}

// drawLinks draws the configuration of a run's links.
func (c *cluster) drawLinks() mesh.Config {
	return mesh.Config{
		Mutants: c.mutant.links(),
		Linked:  c.Rand.IntN(5) == 0,
		Eager:   c.Rand.IntN(2) == 0,
		Rough:   []float64{0, 0.002, 0.01, 0.05}[c.Rand.IntN(4)],
		Full:    c.Rand.Float64() * 0.02,
	}
}

// allTables are the route tables that there are.
var allTables = []foci.Table{0, 1}

// drawTables draws which process has addresses in which table. Mostly some clients,
// and some nodes, reach others through a relay only; at least one node is in all
// tables.
func (c *cluster) drawTables() {
	one := c.Chance(0.3)
	draw := func(at engine.Endpoint) {
		switch k := c.Rand.IntN(4); {
		case one:
			c.Tables[at] = allTables[:1]
		case k < 2:
			c.Tables[at] = allTables[k : k+1]
		default:
			c.Tables[at] = allTables
		}
	}
	for i := range groups + 1 {
		draw(engine.Endpoint(i))
	}
	for i := range callers {
		draw(engine.Endpoint(100 + i))
	}
	if !one {
		c.Tables[engine.Endpoint(c.Rand.IntN(groups+1))] = allTables
	}
}

// everybody returns all processes that have channels to nodes: clients and nodes.
func (c *cluster) everybody() []*client {
	all := slices.Clone(c.clients)
	for _, n := range c.nodes {
		all = append(all, n.hints.client)
	}
	return all
}

// skew is how far a clock is off: mostly little.
func (c *cluster) skew() time.Duration {
	switch c.Rand.IntN(8) {
	case 0:
		return time.Hour
	case 1:
		return -time.Hour
	case 2, 3:
		return c.Between(-time.Second, time.Second)
	default:
		return c.Between(-5*time.Millisecond, 5*time.Millisecond)
	}
}

// owners are the nodes of the newest layout, by group.
func (c *cluster) owners() []*node {
	l := c.layouts[c.epoch]
	var ns []*node
	for _, g := range slices.Sorted(maps.Keys(l)) {
		ns = append(ns, c.nodes[l[g]])
	}
	return ns
}

// spare is a node that no group of the newest layout is on.
func (c *cluster) spare() *node {
	for _, n := range c.nodes {
		if !slices.Contains(c.owners(), n) {
			return n
		}
	}
	return nil
}
