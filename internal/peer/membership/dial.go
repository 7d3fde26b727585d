package membership

import (
	"math/rand/v2"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
)

// dialer has the mesh keep links to other processes.
type dialer struct {
	*env
	hints   chan struct{}       // holds a token for each hint that is dialled
	observe func(mesh.Identity) // called for each peer that was dialled by address
}

// keepLinks has the mesh keep a link to every node that is known.
func (d *dialer) keepLinks() {
	var ids []foci.NodeID
	l := d.Layout()
	if l != nil {
		for i := range l.Nodes {
			ids = append(ids, l.Nodes[i].ID)
		}
	}
	for _, e := range d.view.present() {
		if l == nil || l.Node(e.Node) == nil {
			ids = append(ids, e.Node)
		}
	}
	d.keepLinksTo(ids)
	d.view.notify()
}

// keepLinksTo has the mesh keep links to nodes, in a random order: else all
// newcomers would begin with the same one.
func (d *dialer) keepLinksTo(ids []foci.NodeID) {
	rand.Shuffle(len(ids), func(a, b int) { ids[a], ids[b] = ids[b], ids[a] })
	for _, id := range ids {
		d.keepLink(id)
	}
}

// keepLink has the mesh keep a link to a node at the addresses that are known
// now, or none when the node has left.
func (d *dialer) keepLink(id foci.NodeID) {
	want, at := d.view.want(id, placed(d.Layout(), id))
	switch {
	case want == route.HangUp:
		d.hangUp(id)
	case want == route.Dial && d.MayLink(id):
		d.dial(id, at)
	}
}

// dial has the mesh keep a link to a node at some addresses.
func (d *dialer) dial(id foci.NodeID, at []route.Address) {
	l, err := d.mesh.AddPeer(mesh.Peer{Node: id, Addrs: at, Eager: true})
	if err != nil {
		d.log.Warn("no link", "peer", id, "err", err)
		return
	}
	d.cfg.Links.Add(l)
}

// hangUp ends the link to a node that is no member any more.
func (d *dialer) hangUp(id foci.NodeID) {
	d.cfg.Links.Remove(id)
	d.mesh.RemovePeer(id)
}

// retry makes a link that is down dial now, and requests that wait for a relay to the
// node find one again.
func (d *dialer) retry(id foci.NodeID) {
	if l := d.mesh.Peer(id); l != nil && !l.Up() {
		l.Retry()
	}
	d.cfg.Paths.ReachableAgain(id)
}

// placed returns the entry of a node in a layout, which may be nil.
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
