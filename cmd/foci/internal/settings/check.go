package settings

import (
	"path/filepath"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/beacon"
	"github.com/foci-store/foci/internal/metrics"
)

// Complete fills in cluster and role, and reports the first setting that breaks
// a rule.
func (c *Node) Complete() error {
	if c.Cluster == "" {
		c.Cluster = DefaultCluster
	}
	if c.Role == "" {
		c.Role = foci.RoleData.String()
	}
	if c.Role != foci.RoleData.String() && c.Role != foci.RoleClient.String() {
		return foci.Errorf(foci.Invalid, "role %.80q: want data or client", c.Role)
	}
	if _, err := c.binds(); err != nil {
		return err
	}
	if err := c.checkMulticast(); err != nil {
		return err
	}
	if err := c.checkMesh(); err != nil {
		return err
	}
	if c.Metrics != "" {
		if err := metrics.CheckAddr(c.Metrics, c.MetricsToken != ""); err != nil {
			return err
		}
	}
	for class, n := range c.Connections.perClass() {
		if n < 0 || n > maxConnections {
			return foci.Errorf(foci.Invalid, "connections_per_node.%v = %d: want 1 to %d, or 0 for the usual number", foci.Class(class), n, maxConnections)
		}
	}
	if err := c.Txn.check(); err != nil {
		return err
	}
	return c.checkBackends()
}

func (c *Node) checkMulticast() error {
	if c.Multicast == "" {
		return nil
	}
	if _, err := beacon.ParseGroup(c.Multicast); err != nil {
		return err
	}
	if c.Key == "" {
		return foci.Errorf(foci.Invalid, "multicast needs a cluster key to authenticate packets: foci init makes one; name it by key or --key")
	}
	return nil
}

func (c *Node) checkBackends() error {
	if c.Role != foci.RoleData.String() {
		if len(c.Backends) > 0 {
			return foci.Errorf(foci.Invalid, "role %s stores nothing: remove [[backend]], or make it data", c.Role)
		}
		return nil
	}
	seen := make(map[string]bool, len(c.Backends))
	for i, b := range c.Backends {
		switch {
		case b.Dir == "":
			return foci.Errorf(foci.Invalid, "[[backend]] number %d has no dir", i+1)
		case seen[filepath.Clean(b.Dir)]:
			return foci.Errorf(foci.Invalid, "[[backend]] number %d: dir %.200q is another's", i+1, b.Dir)
		}
		seen[filepath.Clean(b.Dir)] = true
	}
	return nil
}

// OneBackend is what --group stands for.
func (c *Node) OneBackend(g foci.Group) []Backend {
	return []Backend{{Dir: filepath.Join(c.Dir, "data"), Group: g}}
}

// binds are the addresses with what to listen on.
func (c *Node) binds() ([]route.Bind, error) {
	binds := make([]route.Bind, 0, len(c.Addresses))
	addrs := make([]route.Address, 0, len(c.Addresses))
	for _, a := range c.Addresses {
		b, err := route.ParseBind(a.Addr, a.Listen)
		if err != nil {
			return nil, err
		}
		binds, addrs = append(binds, b), append(addrs, b.Addr)
	}
	return binds, route.CheckAddrs(addrs)
}

func (t *Txn) check() error {
	switch stall, deadline := time.Duration(t.Stall), time.Duration(t.Deadline); {
	case stall != 0 && (stall < MinStall || stall > MaxStall):
		return foci.Errorf(foci.Invalid, "txn.stall = %v: want %v to %v", stall, MinStall, MaxStall)
	case t.Resends < -1 || t.Resends > MaxResends:
		return foci.Errorf(foci.Invalid, "txn.resends = %d: want 1 to %d, -1 for never, or 0 for the usual 5", t.Resends, MaxResends)
	case deadline < 0 || deadline > maxDeadline:
		return foci.Errorf(foci.Invalid, "txn.deadline = %v: want more than 0 and at most %v", deadline, maxDeadline)
	}
	return nil
}
