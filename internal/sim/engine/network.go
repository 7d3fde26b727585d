package engine

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
)

// Endpoint is the address of a process in the network.
type Endpoint int

// Path is one direction between two endpoints in one table.
type Path struct {
	From, To Endpoint
	Table    foci.Table
}

// Back returns the opposite direction.
func (p Path) Back() Path { return Path{p.To, p.From, p.Table} }

// Network carries messages between endpoints, unreliably.
type Network struct {
	*World
	Loss    float64                   // share of messages that are lost
	Doubled float64                   // share of messages that arrive twice
	Slow    float64                   // share of messages that take up to two seconds
	Tables  map[Endpoint][]foci.Table // in which an endpoint has addresses
	Dropped int                       // messages
	cut     map[Path]bool
}

// NewNetwork makes a network that loses nothing.
func NewNetwork(w *World) *Network {
	return &Network{World: w, Tables: map[Endpoint][]foci.Table{}, cut: map[Path]bool{}}
}

// Shared are the tables that two endpoints have in common.
func (n *Network) Shared(a, b Endpoint) []foci.Table {
	var both []foci.Table
	for _, t := range n.Tables[a] {
		if slices.Contains(n.Tables[b], t) {
			both = append(both, t)
		}
	}
	return both
}

// Send runs f at the path's end, sometimes late, twice or never. It reports
// whether f may run twice.
func (n *Network) Send(p Path, f func()) (doubled bool) {
	copies := 1
	if n.Chance(n.Doubled) {
		copies = 2
	}
	for range copies {
		if n.Chance(n.Loss) {
			n.Dropped++
			continue
		}
		d := n.Between(200*time.Microsecond, 3*time.Millisecond)
		if n.Chance(n.Slow) {
			d = n.Between(0, 2*time.Second)
		}
		n.After(d, func() {
			// A cut also loses messages in flight.
			if n.cut[p] {
				n.Dropped++
				return
			}
			f()
		})
	}
	return copies > 1
}

// Cut interrupts a path, or restores it.
func (n *Network) Cut(p Path, cut bool) { n.cut[p] = cut }

// IsCut reports whether a path is interrupted.
func (n *Network) IsCut(p Path) bool { return n.cut[p] }

// Heal ends all faults of the network. Slow messages still arrive late.
func (n *Network) Heal() {
	n.Loss, n.Doubled, n.Slow = 0, 0, 0
	clear(n.cut)
}
