package node

import (
	"slices"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/access"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/device/store"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/serve"
)

// visible is the id with which a request is looked up in a backend: its own, or,
// for a blind request about an object of a reserved bucket, an id that does not
// exist, so that the answer is the same as for any absent object.
func visible(in *mesh.Incoming, b *store.Backend, s *wire.Scope, id foci.ID) foci.ID {
	if !access.Blind(serve.Asker(in), s) || mutant.On(mutant.BlindReserved) {
		return id
	}
	log, _, err := b.Fetch(&wire.Fetch{ID: id, Limit: 1}, nil)
	if err == nil && !rights.IsReserved(log.Name.Bucket) {
		return id
	}
	id[len(id)-1] ^= 1
	return id
}

// livesIn reports whether a bucket's objects belong in a group. It does not allocate.
func livesIn(s *layout.Snapshot, bucket string, g foci.Group) bool {
	return slices.Contains(s.GroupsOf(bucket), g)
}

// stray is the error for an object that is sent to a group of another bucket.
func stray(bucket string, g foci.Group) error {
	return &foci.Error{
		Kind: foci.Invalid, Msg: "bucket " + foci.Clip(bucket) + " does not live in group " + groupText(g),
		Fix: "send to the groups that the layout has for the bucket",
	}
}

// isStray reports whether an object that a backend may hold does not belong in a
// group. An object that is not there, and whose bucket is not known, does not count.
func (n *Node) isStray(b *store.Backend, s *wire.Scope, id foci.ID, g foci.Group) (bucket string, is bool) {
	bucket = bucketOf(b, s, id)
	return bucket, bucket != "" && !livesIn(n.layout.Load(), bucket, g) && !mutant.On(mutant.StrayHints)
}

// bucketOf is the bucket of an object: the one that the request names, or, when
// it names none, that of the record that a backend holds; "" when there is none.
func bucketOf(b *store.Backend, s *wire.Scope, id foci.ID) string {
	if bucket, ok := s.Within(id); ok {
		return bucket
	}
	log, _, err := b.Fetch(&wire.Fetch{ID: id, Limit: 1}, nil)
	if err != nil {
		return ""
	}
	return log.Name.Bucket
}
