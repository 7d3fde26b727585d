package peer

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/device/mesh"
)

// links are the links to all known peers; read without a lock, because every
// message does.
type links struct {
	mu  sync.Mutex // of changes
	all atomic.Pointer[map[foci.NodeID]link]
}

type link struct {
	*mesh.Link
	table foci.Table // by which we came in, last time
}

func (l *links) init() {
	l.all.Store(&map[foci.NodeID]link{})
}

// get is the link to a peer, nil when there is none.
func (l *links) get(id foci.NodeID) *mesh.Link { return (*l.all.Load())[id].Link }

// ClockOffset is how far a node's clock is from this process's; not known of one
// without a link.
func (p *Peer) ClockOffset(node foci.NodeID) (version.Offset, bool) {
	if k := p.links.get(node); k != nil {
		return k.ClockOffset()
	}
	return version.Offset{}, false
}

// table is the route table of the link to a peer.
func (l *links) table(id foci.NodeID) foci.Table { return (*l.all.Load())[id].table }

func (l *links) add(m *mesh.Link) {
	if l.get(m.Node()) == m {
		return
	}
	l.change(func(all map[foci.NodeID]link) { all[m.Node()] = link{m, all[m.Node()].table} })
}

// came notes by which table a link came up.
func (l *links) came(who mesh.Identity) {
	l.change(func(all map[foci.NodeID]link) {
		k := all[who.Node]
		k.table = who.Table
		all[who.Node] = k
	})
}

func (l *links) remove(id foci.NodeID) {
	if l.get(id) == nil {
		return
	}
	l.change(func(all map[foci.NodeID]link) { delete(all, id) })
}

func (l *links) change(f func(map[foci.NodeID]link)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := maps.Clone(*l.all.Load())
	f(all)
	l.all.Store(&all)
}
