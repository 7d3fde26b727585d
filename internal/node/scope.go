package node

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/access"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/device/store"
	"github.com/foci-store/foci/internal/peer"
)

// visible is the id by which a request may look into a backend: its own, or,
// when a blind request asks for an object of a reserved bucket, one that is not
// there. So it gets the same answer as for any object that does not exist.
func visible(in *mesh.Incoming, b *store.Backend, s *wire.Scope, id foci.ID) foci.ID {
	if !access.Blind(peer.Asker(in), s) || mutant.On(mutant.BlindReserved) {
		return id
	}
	log, _, err := b.Fetch(&wire.Fetch{ID: id, Limit: 1}, nil)
	if err == nil && !rights.IsReserved(log.Name.Bucket) {
		return id
	}
	id[len(id)-1] ^= 1
	return id
}
