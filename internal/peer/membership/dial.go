package membership

import (
	"math/rand/v2"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
)

// keepLinks has the mesh keep a link to every node that is known.
func (m *Members) keepLinks() {
	var ids []foci.NodeID
	l := m.Layout()
	if l != nil {
		for i := range l.Nodes {
			ids = append(ids, l.Nodes[i].ID)
		}
	}
	for _, e := range m.view.present() {
		if l == nil || l.Node(e.Node) == nil {
			ids = append(ids, e.Node)
		}
	}
	m.keepLinksTo(ids)
	m.view.notify()
}

// keepLinksTo has the mesh keep links to nodes, in a random order: else all
// newcomers would begin with the same one.
func (m *Members) keepLinksTo(ids []foci.NodeID) {
	rand.Shuffle(len(ids), func(a, b int) { ids[a], ids[b] = ids[b], ids[a] })
	for _, id := range ids {
		m.keepLink(id)
	}
}

// keepLink has the mesh keep a link to a node at the addresses that are known
// now, or none when the node has left.
func (m *Members) keepLink(id foci.NodeID) {
	want, at := m.view.want(id, placed(m.Layout(), id))
	switch {
	case want == route.HangUp:
		m.hangUp(id)
	case want == route.Dial && m.MayLink(id):
		m.dial(id, at)
	}
}

// dial has the mesh keep a link to a node at some addresses.
func (m *Members) dial(id foci.NodeID, at []route.Address) {
	l, err := m.mesh.AddPeer(mesh.Peer{Node: id, Addrs: at, Eager: true})
	if err != nil {
		m.log.Warn("no link", "peer", id, "err", err)
		return
	}
	m.cfg.Links.Add(l)
}

// hangUp ends the link to a node that is no member any more.
func (m *Members) hangUp(id foci.NodeID) {
	m.cfg.Links.Remove(id)
	m.mesh.RemovePeer(id)
}

// retry lets a link that waits for its next attempt make it now, and requests
// that wait for a relay to the node look for one again.
func (m *Members) retry(id foci.NodeID) {
	if l := m.mesh.Peer(id); l != nil && !l.Up() {
		l.Retry()
	}
	m.cfg.Paths.ReachableAgain(id)
}

// placed is what a layout, which may be nil, says of a node.
func placed(l *layout.Snapshot, id foci.NodeID) route.Placed {
	if l == nil {
		return route.Placed{}
	}
	n := l.Node(id)
	if n == nil {
		return route.Placed{}
	}
	return route.Placed{Is: true, Addrs: n.Addrs}
}

func (v *view) want(id foci.NodeID, layout route.Placed) (route.Want, []route.Address) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.routes.Want(id, layout, v.tables)
}

// usable are the addresses of a node in our tables.
func (v *view) usable(id foci.NodeID, layout route.Placed) []route.Address {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.routes.Usable(id, layout, v.tables)
}
