package path

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/invariant"
)

// Path is how requests reach a node.
type Path struct {
	Node  foci.NodeID // that serves the request
	Relay foci.NodeID // zero: the path is direct
	Table foci.Table  // of the first channel, if it is open
}

// First is the node that the path begins with.
func (p Path) First() foci.NodeID {
	if p.Relay.IsZero() {
		return p.Node
	}
	return p.Relay
}

// Find chooses the path of one request of a class: direct when a channel to the node is
// open, else through a relay. Without either it returns the direct path: without an
// error when a link to the node is kept; with Unreachable when relays exist but none can
// be used now (RetryAfter is the time until one may be probed). It fails with NoRoute
// when neither a link nor a relay is possible.
func (m *Machine) Find(node foci.NodeID, class foci.Class, now time.Duration) (Path, error) {
	if m.IsUp(node) {
		return m.path(node, foci.NodeID{}, class), nil
	}
	t := m.target(node, now)
	if t.state == relayed {
		invariant.Check(m.IsUp(t.relay) && t.relay != node && t.relay != m.cfg.Self, "a relay is another node, and up")
		t.use(now)
		return m.path(node, t.relay, class), nil
	}
	direct := Path{Node: node}
	if t.state == relaysUnreachable {
		return direct, &foci.Error{
			Kind: foci.Unreachable, Where: "node " + node.Short(),
			Msg: "no channel to it, nor to a node that could relay", RetryAfter: t.retryAfter(now),
		}
	}
	if p := m.peers[node]; p != nil && p.linked {
		return direct, nil // the request waits there for the link
	}
	return Path{}, m.noRoute(node)
}

func (m *Machine) path(node, relay foci.NodeID, class foci.Class) Path {
	p := Path{Node: node, Relay: relay}
	if first := m.peers[p.First()]; first != nil {
		p.Table = m.cfg.Classes.best(class, first.up)
	}
	return p
}

// Relay returns the relay that requests to a node would take now; zero: the path is
// direct, or there is none.
func (m *Machine) Relay(node foci.NodeID, now time.Duration) foci.NodeID {
	if m.IsUp(node) {
		return foci.NodeID{}
	}
	if t := m.target(node, now); t.state == relayed {
		return t.relay
	}
	return foci.NodeID{}
}

// noRoute is the error for a node without an address in our tables, and that no
// known node can relay to.
func (m *Machine) noRoute(node foci.NodeID) error {
	return &foci.Error{
		Kind: foci.NoRoute, Where: "node " + node.Short(),
		Msg: "has no address in our " + tablesText(m.cfg.Network.OwnTables()) + ", only in " + tablesText(m.cfg.Network.Tables(node)) +
			", and no node that is known has one in both",
		Fix: "use another table by --tables, or give a node an address in both",
	}
}

// tablesText names tables in an error.
func tablesText(tables []foci.Table) string {
	texts := make([]string, len(tables))
	for i, t := range slices.Sorted(slices.Values(tables)) {
		texts[i] = strconv.Itoa(int(t))
	}
	switch len(tables) {
	case 0:
		return "no table"
	case 1:
		return "table " + texts[0]
	}
	return "tables " + strings.Join(texts, ", ")
}
