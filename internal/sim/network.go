package sim

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
)

// network carries messages between endpoints, badly.
type network struct {
	*world
	loss    float64
	doubled float64
	slow    float64                   // share of messages that take up to two seconds
	tables  map[endpoint][]foci.Table // that an endpoint has addresses in
	cut     map[path]bool
	lost    int
}

// endpoint numbers nodes from 0 and clients from 100.
type endpoint int

// path is one direction between two endpoints in one table.
type path struct {
	from, to endpoint
	table    foci.Table
}

// back is the other direction.
func (p path) back() path { return path{p.to, p.from, p.table} }

// shared are the tables that two endpoints have in common.
func (n *network) shared(a, b endpoint) []foci.Table {
	var both []foci.Table
	for _, t := range n.tables[a] {
		if slices.Contains(n.tables[b], t) {
			both = append(both, t)
		}
	}
	return both
}

// send delivers f at the path's end, sometimes late, twice or never. It reports
// whether it may be twice.
func (n *network) send(p path, f func()) (doubled bool) {
	copies := 1
	if n.chance(n.doubled) {
		copies = 2
	}
	for range copies {
		if n.chance(n.loss) {
			n.lost++
			continue
		}
		d := n.between(200*time.Microsecond, 3*time.Millisecond)
		if n.chance(n.slow) {
			d = n.between(0, 2*time.Second)
		}
		n.after(d, func() {
			// A cut swallows what is on its way, too.
			if n.cut[p] {
				n.lost++
				return
			}
			f()
		})
	}
	return copies > 1
}

// heal makes the network perfect; what is on its way still arrives when it does.
func (n *network) heal() {
	n.loss, n.doubled, n.slow = 0, 0, 0
	clear(n.cut)
}
