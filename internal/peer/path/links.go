package path

import (
	"maps"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/device/mesh"
)

// Link returns the link to a node, or nil.
func (p *Paths) Link(node foci.NodeID) *mesh.Link { return (*p.links.Load())[node] }

// ClockOffset returns the offset of a node's clock from this process's; false if it is
// unknown, as without a link.
func (p *Paths) ClockOffset(node foci.NodeID) (version.Offset, bool) {
	if l := p.Link(node); l != nil {
		return l.ClockOffset()
	}
	return version.Offset{}, false
}

// Add adds a link.
func (p *Paths) Add(l *mesh.Link) {
	if p.Link(l.Node()) == l {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change(func(all map[foci.NodeID]*mesh.Link) { all[l.Node()] = l })
	p.machine.Linked(l.Node())
}

// Remove removes a link.
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
