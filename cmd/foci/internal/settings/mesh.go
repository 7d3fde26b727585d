package settings

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh"
)

// Mesh is [mesh].
type Mesh struct {
	// Links is what the loss of one connection means for the others to the same
	// node. "independent" (also when empty): nothing, what was on it is sent again
	// on another. "linked": they are closed too, and all that was on them fails;
	// simpler to reason about, and weaker on a network that loses connections.
	Links string `toml:"links,omitempty"`

	// Eager opens all connections to a node at once. False: the others than those
	// for pings and state when they are first used, which spares idle ones.
	Eager bool `toml:"eager,omitempty"`
}

// Classes is [class.*].
type Classes struct {
	Ping     Class `toml:"ping,omitempty"`
	State    Class `toml:"state,omitempty"`
	Reg      Class `toml:"reg,omitempty"`
	Bulk     Class `toml:"bulk,omitempty"`
	Recovery Class `toml:"recovery,omitempty"`
}

// perClass are the settings by class.
func (c *Classes) perClass() [foci.NumClasses]*Class {
	return [foci.NumClasses]*Class{
		foci.Ping: &c.Ping, foci.State: &c.State, foci.Reg: &c.Reg, foci.Bulk: &c.Bulk, foci.Recovery: &c.Recovery,
	}
}

func (c *Node) checkMesh() error {
	if _, err := mesh.ParseLinkMode(c.Mesh.Links); err != nil {
		return foci.Errorf(foci.Invalid, "mesh.%w", err)
	}
	_, err := c.Classes.mesh()
	return err
}
