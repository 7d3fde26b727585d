package node

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/layout"
)

// Config is one node. The zero values are noted; New validates the rest.
type Config struct {
	Cluster   string         // name of the cluster; required
	Dir       string         // identity, layout, and backends that have no directory of their own; required
	Name      string         // which node of the layout this is; needed at the first start only
	Layout    *layout.Layout // given at the first start, or to replace the kept one by a newer; nil = the kept one
	Role      foci.Role      // RoleData or RoleClient
	Addresses []route.Bind   // at least one; none = those that the layout gives the node
	Seeds     []route.Remote // besides the nodes of the layout
	Backends  []Backend      // none = those that the layout gives the node, in Dir

	// Auth is the credential of this node, and what it demands of peers; nil: none,
	// which New refuses for addresses that are not loopback, unless Insecure.
	Auth     *auth.Credentials
	Insecure bool

	// Multicast is the group and port by which nodes find each other; it needs a
	// cluster key in Auth. Zero: none.
	Multicast netip.AddrPort

	Stall    time.Duration // a request of this node without an answer for this long is resent; 0 = 2 s
	Resends  int           // maximum of resends; 0 = 5, < 0 = none
	Deadline time.Duration // of one repair; 0 = 30 s

	Links   mesh.LinkMode                     // what the loss of one channel means for its siblings
	Eager   bool                              // keep all channels of a link open, instead of opening them on first use
	Classes [foci.NumClasses]mesh.ClassConfig // settings of each class

	Channels [foci.NumClasses]int // per link and class; 0 = 1, 1, 6, 3, 2
	FS       vfs.FS               // nil = the system's
	Now      func() int64         // wall clock, nanoseconds since 1970; nil = the system's
	Grace    time.Duration        // that Close waits for requests being served; 0 = 1 s
	Logger   *slog.Logger         // nil = silent
}

// Backend is one directory of a node.
type Backend struct {
	Dir   string
	Group foci.Group // 0 = that of the first backend of this node in the layout that has no directory yet
}

func (c *Config) validate() error {
	switch {
	case c.Cluster == "":
		return foci.Errorf(foci.Invalid, "node: no cluster name")
	case c.Dir == "":
		return foci.Errorf(foci.Invalid, "node: no directory")
	case c.Role != foci.RoleData && c.Role != foci.RoleClient:
		return foci.Errorf(foci.Invalid, "node: role %v: want data or client", c.Role)
	}
	if c.Deadline <= 0 {
		c.Deadline = 30 * time.Second // a log may be long and its payloads large
	}
	if c.FS == nil {
		c.FS = vfs.OS()
	}
	if c.Now == nil {
		c.Now = func() int64 { return time.Now().UnixNano() }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}
