package wire

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/rights"
)

// Need is the right that a request needs.
type Need struct {
	Anyone bool      // no right at all
	Op     rights.Op // the right
	Or     rights.Op // another one that will do; 0 = none
	Verb   string    // what the request does, for the error

	// Where: the bucket of the preimage in Scope, which must be that of ID; or,
	// without a Scope, Bucket. "" = all buckets.
	Scope  *Scope
	ID     foci.ID
	Bucket string
}

// guarded is a request whose need depends on what it says.
type guarded interface{ needs() Need }

// NeedOf is the need of a request. A message that the table of methods does not
// open to anyone, and that names no need, is for administrators.
func NeedOf(m codec.Message) Need {
	if g, ok := m.(guarded); ok {
		return g.needs()
	}
	if r := MethodOf(m).Row(); r != nil && r.Who == Anyone {
		return Need{Anyone: true}
	}
	return Need{Op: rights.Admin, Verb: "ask this"}
}
