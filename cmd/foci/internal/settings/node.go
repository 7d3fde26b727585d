package settings

import (
	"log/slog"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/beacon"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/node"
)

// Config returns the configuration of the node that the settings describe.
func (c *Node) Config(log *slog.Logger) (node.Config, error) {
	binds, err := c.binds()
	if err != nil {
		return node.Config{}, err
	}
	proof, err := c.credentials(log)
	if err != nil {
		return node.Config{}, err
	}
	classes, err := c.Classes.mesh()
	if err != nil {
		return node.Config{}, err
	}
	n := node.Config{
		Cluster: c.Cluster, Dir: c.Dir, Name: c.Name, Role: foci.RoleData,
		Auth: proof, Insecure: c.Insecure, Addresses: binds, Seeds: c.Seeds, Channels: c.Connections.perClass(), Logger: log,
		Eager: c.Mesh.Eager, Classes: classes,
		Stall: time.Duration(c.Txn.Stall), Resends: c.Txn.Resends, Deadline: time.Duration(c.Txn.Deadline),
	}
	if n.Links, err = mesh.ParseLinkMode(c.Mesh.Links); err != nil {
		return node.Config{}, err
	}
	if c.Role == foci.RoleClient.String() {
		n.Role = foci.RoleClient
	}
	if c.Multicast != "" {
		if n.Multicast, err = beacon.ParseGroup(c.Multicast); err != nil {
			return node.Config{}, err
		}
	}
	for _, b := range c.Backends {
		n.Backends = append(n.Backends, node.Backend{Dir: b.Dir, Group: b.Group})
	}
	return n, nil
}
