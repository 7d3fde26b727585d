package path

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
)

// Network is the state that a machine does not keep itself.
type Network interface {
	// Tables lists the route tables in which a node has addresses.
	Tables(node foci.NodeID) []foci.Table
	// OwnTables lists the tables that this process uses.
	OwnTables() []foci.Table
	// Load is the bytes in flight to a linked node.
	Load(node foci.NodeID) int64
	// RTT is the smoothed time of pings to a linked node; 0 while it is unknown.
	RTT(node foci.NodeID) time.Duration
}

// Config is what a machine needs. Network and Rand are required.
type Config struct {
	Self    foci.NodeID // this process, to which a path is always open; zero: a transport client
	Classes Classes     // the tables that each class prefers
	Network Network
	Rand    func() uint64
}

// Machine chooses the paths of one process. It is not safe for concurrent use.
type Machine struct {
	cfg     Config
	peers   map[foci.NodeID]*peer
	targets map[foci.NodeID]*target // nodes that need a relay
	changes uint64                  // counts what may change a choice
	turn    int                     // of Order: rotates equally near replicas
}

// peer is a node that this process has, or had, a link to, or that has answered.
type peer struct {
	linked bool         // a link is kept
	up     []foci.Table // tables with open channels
	timing
}

// New makes a machine that knows no peer.
func New(cfg Config) *Machine {
	return &Machine{
		cfg:   cfg,
		peers: map[foci.NodeID]*peer{}, targets: map[foci.NodeID]*target{},
	}
}

// peer returns the state of a node, which it creates if needed. It forgets nodes
// without a link when there are too many.
func (m *Machine) peer(node foci.NodeID) *peer {
	p := m.peers[node]
	if p != nil {
		return p
	}
	if len(m.peers) >= foci.MaxNodes {
		for id, p := range m.peers {
			if !p.linked {
				delete(m.peers, id)
			}
		}
	}
	p = new(peer)
	m.peers[node] = p
	return p
}

// Linked observes that a link to a node is kept from now on. It is not up yet.
func (m *Machine) Linked(node foci.NodeID) { m.peer(node).linked = true }

// Unlinked observes that the link to a node was removed.
func (m *Machine) Unlinked(node foci.NodeID) {
	p := m.peer(node)
	p.linked, p.up = false, nil
	m.changes++
}

// Up observes that a link has open channels by a table. The peer may be a new
// incarnation: its refusals as a relay are forgotten.
func (m *Machine) Up(node foci.NodeID, table foci.Table) {
	if p := m.peer(node); !slices.Contains(p.up, table) {
		p.up = append(p.up, table)
	}
	m.changes++
	for _, t := range m.targets {
		delete(t.resting, node)
	}
}

// Down observes that a link has no open channel left, by any table.
func (m *Machine) Down(node foci.NodeID) {
	m.peer(node).up = nil
	m.changes++
}

// Changed observes that routes or the layout changed.
func (m *Machine) Changed() { m.changes++ }

// IsUp reports whether requests to a node leave at once, without a relay.
func (m *Machine) IsUp(node foci.NodeID) bool {
	if node == m.cfg.Self && !node.IsZero() {
		return true
	}
	p := m.peers[node]
	return p != nil && p.linked && len(p.up) > 0
}
