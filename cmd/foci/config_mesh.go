package main

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh"
)

// meshConfig is [mesh].
type meshConfig struct {
	// Links is what the loss of one connection means for the others to the same
	// node. "independent" (also when empty): nothing, what was on it is sent again
	// on another. "linked": they are closed too, and all that was on them fails;
	// simpler to reason about, and weaker on a network that loses connections.
	Links string `toml:"links,omitempty"`

	// Eager opens all connections to a node at once. False: the others than those
	// for pings and state when they are first used, which spares idle ones.
	Eager bool `toml:"eager,omitempty"`
}

// classConfig is [class.NAME]: what is particular to one class of messages.
type classConfig struct {
	// Tables are the route tables by which the class goes, best first; the others
	// serve when none of these does. Empty: in the order of a node's addresses.
	Tables []foci.Table `toml:"tables,omitempty"`
}

// classesConfig is [class.*].
type classesConfig struct {
	Ping     classConfig `toml:"ping,omitempty"`
	State    classConfig `toml:"state,omitempty"`
	Reg      classConfig `toml:"reg,omitempty"`
	Bulk     classConfig `toml:"bulk,omitempty"`
	Recovery classConfig `toml:"recovery,omitempty"`
}

// perClass are the settings by class.
func (c *classesConfig) perClass() [foci.NumClasses]*classConfig {
	return [foci.NumClasses]*classConfig{
		foci.Ping: &c.Ping, foci.State: &c.State, foci.Reg: &c.Reg, foci.Bulk: &c.Bulk, foci.Recovery: &c.Recovery,
	}
}

// meshClasses are the settings as the mesh takes them.
func (c *serveConfig) meshClasses() (all [foci.NumClasses]mesh.ClassConfig) {
	for class, set := range c.Classes.perClass() {
		all[class].Tables = set.Tables
	}
	return all
}

func (c *serveConfig) checkMesh() error {
	if _, err := mesh.ParseLinkMode(c.Mesh.Links); err != nil {
		return foci.Errorf(foci.Invalid, "mesh.%w", err)
	}
	for class, set := range c.Classes.perClass() {
		if len(set.Tables) > foci.MaxAddrs {
			return foci.Errorf(foci.Invalid, "class.%v.tables has %d tables, a node has at most %d addresses", foci.Class(class), len(set.Tables), foci.MaxAddrs)
		}
		for _, t := range set.Tables {
			if t >= foci.MaxTable {
				return foci.Errorf(foci.Invalid, "class.%v.tables: table %d, want at most %d", foci.Class(class), t, foci.MaxTable-1)
			}
		}
	}
	return nil
}
