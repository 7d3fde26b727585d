package node

import "github.com/foci-store/foci/internal/device/mesh"

// Disguise has a node take its peers for others, with other rights, than they
// have proved.
func (c *Config) Disguise(f func(*mesh.Identity)) { c.disguise = f }
