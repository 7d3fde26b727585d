package sim

import (
	"maps"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/sim/engine"
)

// disturb injects one random fault and schedules the next.
func (c *cluster) disturb() {
	if c.over {
		return
	}
	n := c.nodes[c.Rand.IntN(len(c.nodes))]
	cl := c.clients[c.Rand.IntN(len(c.clients))]
	switch c.Rand.IntN(14) {
	case 0, 1:
		c.crashFor(n, n.unsyncedKept(), c.Between(10*time.Millisecond, 1500*time.Millisecond))
	case 2:
		c.cutOff(c.some(n), true, true, 2*time.Second)
	case 3:
		inward := c.Chance(0.5)
		c.cutOff(c.some(n), inward, !inward, 2*time.Second)
	case 4:
		n.clock = c.skew()
	case 5:
		cl.clock = c.skew()
	case 6:
		c.swap()
	case 7:
		if c.Chance(0.2) {
			c.blackout()
		}
	case 8:
		cl.proc.Link(n.at).Reset(allTables, 300*time.Millisecond, true)
	case 9:
		if c.Chance(0.3) {
			cl.leave()
		} else {
			cl.proc.Link(n.at).Reset(allTables, 500*time.Millisecond, false)
		}
	case 10:
		c.cutOff(c.allBut(cl, n), true, true, 500*time.Millisecond)
	case 11: // other nodes can relay past it
		both, inward := c.Chance(0.5), c.Chance(0.5)
		c.cutOff([]pair{{cl, n}}, both || inward, both || !inward, 2*time.Second)
	case 12:
		other := c.nodes[c.Rand.IntN(len(c.nodes))]
		both, inward := c.Chance(0.5), c.Chance(0.5)
		c.cutOff([]pair{{other.hints.client, n}}, both || inward, both || !inward, 2*time.Second)
	case 13:
		n.drain()
	}
	c.After(c.Between(20*time.Millisecond, 600*time.Millisecond), c.disturb)
}

// blackout cuts the power of all nodes at once, and of most clients. Disks then
// often lose all unsynced data.
func (c *cluster) blackout() {
	for _, cl := range c.clients {
		if c.Chance(0.6) {
			cl.leave()
		}
	}
	nothing := c.Chance(0.5)
	for _, n := range c.nodes {
		kept := n.unsyncedKept()
		if nothing {
			kept = 0
		}
		c.crashFor(n, kept, c.Between(10*time.Millisecond, 300*time.Millisecond))
	}
}

// crashFor kills a node and restarts it after d. The node may then have to compare
// itself with others before it votes.
func (c *cluster) crashFor(n *node, kept int, d time.Duration) {
	n.crash(kept)
	life := n.proc.Inc
	c.After(d, func() {
		if n.up || n.proc.Inc != life {
			return
		}
		n.start()
		if c.Chance(0.3) && !c.over {
			n.ready = c.Now + c.Between(0, 400*time.Millisecond)
		}
	})
}

// pair is a client and a node.
type pair struct {
	cl *client
	n  *node
}

// some returns the pairs of a node with most clients, which then need relays, or with
// most clients and most other nodes.
func (c *cluster) some(n *node) []pair {
	who := c.clients
	if c.Chance(0.5) {
		who = c.everybody()
	}
	var pairs []pair
	for _, cl := range who {
		if c.Chance(0.7) {
			pairs = append(pairs, pair{cl, n})
		}
	}
	return pairs
}

// allBut returns the pairs of a client with all nodes but one. In a quorum that
// node's vote is then much older than the others.
func (c *cluster) allBut(cl *client, but *node) []pair {
	var pairs []pair
	for _, n := range c.nodes {
		if n != but {
			pairs = append(pairs, pair{cl, n})
		}
	}
	if c.Chance(0.7) { // and no node relays
		for _, other := range c.nodes {
			pairs = append(pairs, pair{other.hints.client, but})
		}
	}
	return pairs
}

// cutOff cuts the paths of pairs in one direction or both, in one table or all, for
// a while. Links detect it by silence.
func (c *cluster) cutOff(pairs []pair, inward, outward bool, most time.Duration) {
	tables := allTables
	if k := c.Rand.IntN(6); k < len(tables) {
		tables = tables[k : k+1]
	}
	set := func(v bool) {
		for _, w := range pairs {
			for _, t := range tables {
				p := engine.Path{From: w.cl.at, To: w.n.at, Table: t}
				if p.From == p.To {
					continue
				}
				if inward {
					c.Cut(p, v)
				}
				if outward {
					c.Cut(p.Back(), v)
				}
			}
		}
	}
	set(true)
	c.After(c.Between(50*time.Millisecond, most), func() { set(false) })
}

// swap gives one group to the spare node, as a change of layout would: enough old
// owners that every quorum shares one with them drain and adopt the new epoch, and
// the newcomer takes their records. Here it happens in one moment; the other nodes
// and the clients learn of it later.
func (c *cluster) swap() {
	owners := c.owners()
	need := groups - (groups/2 + 1) + 1
	var sealed []*node
	for _, i := range c.Rand.Perm(len(owners)) {
		if n := owners[i]; n.up && len(sealed) < need {
			sealed = append(sealed, n)
		}
	}
	newcomer := c.spare()
	if len(sealed) < need || !newcomer.up {
		return
	}
	newcomer.disk = newStore(c.mutant)
	for _, n := range sealed {
		n.disk.sync(len(n.disk.unsynced))
		newcomer.disk.merge(n.disk)
		n.epoch = c.epoch + 1
	}
	l := maps.Clone(c.layouts[c.epoch])
	l[foci.Group(1+c.Rand.IntN(groups))] = newcomer.at
	c.epoch++
	c.layouts[c.epoch] = l
	newcomer.epoch = c.epoch
	newcomer.born++ // requests in flight to it are for another backend
	c.Swaps++
}

// collect destroys a tombstone once every group has voted that it holds it and
// nothing newer, at each replica at a different time.
func (c *cluster) collect() {
	if c.over {
		return
	}
	defer c.After(c.Between(20*time.Millisecond, 150*time.Millisecond), c.collect)
	key := "brief"
	if c.Chance(0.5) {
		key = keys[c.Rand.IntN(len(keys))]
	}
	id := objectID(key)
	owners, epoch := c.owners(), c.epoch
	var first record.Vote
	for i, n := range owners {
		v := n.disk.vote(id)
		if i == 0 {
			first = v
		}
		if !n.up || n.epoch != epoch || v.BaseOp != record.OpRemove || v.Count != 1 || !v.Same(&first) {
			return
		}
	}
	for _, n := range owners {
		within := 100 * time.Millisecond
		if c.Chance(0.3) {
			within = time.Second
		}
		c.After(c.Between(0, within), func() {
			if n.up && n.epoch == epoch {
				n.disk.drop(id, first.Base)
				c.Drops++
				n.release()
			}
		})
	}
	if c.dropped[id].Less(first.Base) {
		c.dropped[id] = first.Base
	}
}
