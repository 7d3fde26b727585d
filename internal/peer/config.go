package peer

import (
	"log/slog"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/path"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer/membership"
	"github.com/foci-store/foci/internal/serve"
	"github.com/foci-store/foci/internal/status"
)

// Config describes a process in the mesh.
type Config struct {
	Mesh      mesh.Config     // without OnPeer, Logger and, for a member, Handler
	Addresses []route.Address // that this node advertises; none for a transport client
	Seeds     []route.Remote  // peers to contact first
	// Remembered are peers known from the last run, dialled while no link is up.
	Remembered []route.Remote
	// Remember is called from time to time with the known peers, if they have changed;
	// never concurrently. nil = peers are not remembered.
	Remember func([]route.Remote)
	Stay     bool         // keep links to the seeds only, not to every known node
	Tables   []foci.Table // to use, in this order; none = those of Addresses, or that of the first link

	Layout *layout.Holder // may hold a layout already; required
	// Adopted is called with each newer layout before it is used, so that a node can
	// persist it; if it fails, the layout is not used.
	Adopted func(*layout.Snapshot) error
	// Met is called when a link comes up. It must be quick. It may be nil.
	Met func(foci.NodeID)
	// Handlers serve the methods of a replica; nil = the process stores nothing.
	// Requests may arrive before New returns.
	Handlers []serve.Handler
	// Apart runs the handler of a slow method on a goroutine of its own, or fails the
	// request; nil = on the goroutine that reads the channel.
	Apart func(*mesh.Incoming, func(*mesh.Incoming))
	// Describe adds what the process stores to its status; nil = nothing.
	Describe func(*status.Node)
	// Traces records the steps of traces; nil = a new one.
	Traces *status.Traces

	Stall   time.Duration // a leg without an answer for this long is stalled; 0 = 2 s
	Resends int           // of a stalled leg; 0 = 5
	MaxOps  int           // maximum of running operations; 0 = 65,536
	MaxHeld int64         // maximum of payload bytes that they hold; 0 = 256 MiB
	Linger  time.Duration // how long legs go on after their caller is answered; 0 = 2 s

	Logger *slog.Logger // nil = silent
}

// membership is the part of the configuration for package membership.
func (c *Config) membership() membership.Config {
	return membership.Config{
		Node: c.Mesh.Node, Incarnation: c.Mesh.Incarnation, Role: c.Mesh.Role, Auth: c.Mesh.Auth,
		Addresses: c.Addresses, Seeds: c.Seeds, Remembered: c.Remembered, Remember: c.Remember,
		Stay: c.Stay, Tables: c.Tables, Layout: c.Layout, Adopted: c.Adopted,
		Wall: c.Mesh.Now, Logger: c.Logger,
	}
}

// classTables are the tables that each class prefers.
func (c *Config) classTables() (all path.Classes) {
	for class := range all {
		all[class] = c.Mesh.Classes[class].Tables
	}
	return all
}
