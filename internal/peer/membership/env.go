package membership

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
)

// env is what all parts of Members share: the view, and what does not change after
// Start.
type env struct {
	cfg   Config
	log   *slog.Logger
	mesh  *mesh.Mesh // set by Start
	ctx   context.Context
	stop  context.CancelFunc
	tasks sync.WaitGroup

	view     view
	counters counters
}

// isMember reports whether this process is in the route tables of other nodes.
func (e *env) isMember() bool { return !e.cfg.Node.IsZero() }

// Layout is the layout that this process works by; nil when it has none.
func (e *env) Layout() *layout.Snapshot { return e.cfg.Layout.Load() }

// epoch is that of the layout; 0 = there is none.
func (e *env) epoch() foci.Epoch { return e.cfg.Layout.Epoch() }

// pause waits. It returns false if this process ends.
func (e *env) pause(d time.Duration) bool {
	select {
	case <-e.ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// Alone reports whether no link is up.
func (e *env) Alone() bool { return len(e.linksUp()) == 0 }

// linksUp are the links that are up, in a random order.
func (e *env) linksUp() []*mesh.Link {
	var up []*mesh.Link
	for _, l := range e.mesh.Peers() {
		if l.Up() {
			up = append(up, l)
		}
	}
	rand.Shuffle(len(up), func(a, b int) { up[a], up[b] = up[b], up[a] })
	return up
}

// peersUp are some random peers whose links are up.
func (e *env) peersUp(most int) []foci.NodeID {
	up := e.linksUp()
	ids := make([]foci.NodeID, min(most, len(up)))
	for i := range ids {
		ids[i] = up[i].Node()
	}
	return ids
}
