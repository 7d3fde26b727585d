package path

import (
	"maps"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/device/mesh"
)

// Link is the link to a node; nil when there is none.
func (p *Paths) Link(node foci.NodeID) *mesh.Link { return (*p.links.Load())[node] }

// ClockOffset is how far a node's clock is from this process's; it is not known
// without a link.
func (p *Paths) ClockOffset(node foci.NodeID) (version.Offset, bool) {
	if l := p.Link(node); l != nil {
		return l.ClockOffset()
	}
	return version.Offset{}, false
}

// Add keeps a link from now on.
func (p *Paths) Add(l *mesh.Link) {
	if p.Link(l.Node()) == l {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change(func(all map[foci.NodeID]*mesh.Link) { all[l.Node()] = l })
	p.machine.Linked(l.Node())
}

// Remove forgets a link.
func (p *Paths) Remove(node foci.NodeID) {
	if p.Link(node) == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change(func(all map[foci.NodeID]*mesh.Link) { delete(all, node) })
	p.machine.Unlinked(node)
}

// change replaces the map of links; mu is held.
func (p *Paths) change(f func(map[foci.NodeID]*mesh.Link)) {
	all := maps.Clone(*p.links.Load())
	f(all)
	p.links.Store(&all)
}
