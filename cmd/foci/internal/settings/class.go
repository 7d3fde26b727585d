package settings

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh"
)

// Class is what is particular to the connections of one class.
type Class struct {
	// DSCP marks the class's packets for the network, 0 to 63. 0: as usual.
	DSCP int `toml:"dscp,omitempty"`

	// Compress is zstd, which makes smaller, or lz4, which is faster: for bodies
	// over 4 KiB, while that takes off a tenth at least. It pays on networks of
	// less than some Gbit/s. Empty: off.
	Compress string `toml:"compress,omitempty"`

	// Tables are the route tables by which the class goes, best first; the others
	// serve when none of these does. Empty: in the order of a node's addresses.
	Tables []foci.Table `toml:"tables,omitempty"`

	// Queue is the most bytes of the class's requests that are under way, or wait
	// to be, to one peer; over it the caller gets Busy. Empty: 128MiB.
	Queue Size `toml:"queue,omitempty"`
}

// mesh is what the settings mean to a node, by class.
func (c *Classes) mesh() (all [foci.NumClasses]mesh.ClassConfig, err error) {
	for class, s := range c.perClass() {
		if all[class], err = s.mesh(); err != nil {
			return all, foci.Errorf(foci.Invalid, "class.%v.%w", foci.Class(class), err)
		}
	}
	return all, nil
}

func (s *Class) mesh() (m mesh.ClassConfig, err error) {
	switch {
	case s.DSCP < 0 || s.DSCP > mesh.MaxDSCP:
		return m, foci.Errorf(foci.Invalid, "dscp = %d: want 0 to %d", s.DSCP, mesh.MaxDSCP)
	case s.Queue < 0 || s.Queue > 0 && s.Queue < leastQueue:
		return m, foci.Errorf(foci.Invalid, "queue = %v: want at least %v, or 0 for the usual size", s.Queue, Size(leastQueue))
	}
	if len(s.Tables) > foci.MaxAddrs {
		return m, foci.Errorf(foci.Invalid, "tables has %d tables, a node has at most %d addresses", len(s.Tables), foci.MaxAddrs)
	}
	for _, t := range s.Tables {
		if t >= foci.MaxTable {
			return m, foci.Errorf(foci.Invalid, "tables: table %d, want at most %d", t, foci.MaxTable-1)
		}
	}
	m = mesh.ClassConfig{DSCP: uint8(s.DSCP), Tables: s.Tables, QueueBytes: int64(s.Queue)}
	m.Compress, err = mesh.ParseCompression(s.Compress)
	return m, err
}

// leastQueue is the smallest queue of a class: a chunk must fit.
const leastQueue = foci.MaxPayload
