package access

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/wire"
)

// need is what a request needs.
type need struct {
	any  bool      // no right at all
	op   rights.Op // the right
	or   rights.Op // another one that will do; 0 = none
	verb string    // what it does

	// Where: the bucket of the preimage in scope, which must be that of id; or,
	// without a scope, bucket. "" = all buckets.
	scope  *wire.Scope
	id     foci.ID
	bucket string
}

// needOf is what a message needs.
func needOf(m codec.Message) need {
	switch m := m.(type) {
	case *wire.Query:
		n := reading(&m.Scope, m.ID)
		if m.Inline == 0 {
			// A write begins with votes. They say that there is an object, and how
			// much: whoever may write may know, for its version must be above.
			n.or = rights.Write
		}
		return n
	case *wire.Fetch:
		n := reading(&m.Scope, m.ID)
		if mutant.On(mutant.WriterReads) {
			n.or = rights.Write
		}
		return n
	case *wire.Have:
		n := reading(&m.Scope, m.ID)
		n.or = rights.Write // whether a record has arrived is asked by its writer
		return n
	case *wire.List:
		return need{op: rights.Read, verb: "list", bucket: m.Bucket}
	case *wire.Store:
		if mutant.On(mutant.ReaderStores) {
			return need{any: true}
		}
		return need{op: rights.Write, verb: "write", bucket: m.Record.Name.Bucket}
	case *wire.Hint:
		if m.Now {
			return reading(&m.Scope, m.ID) // it moves what is stored already, for a read
		}
		return need{op: rights.Write, verb: "write", scope: &m.Scope, id: m.ID}
	case *wire.Ask:
		return asking(m.What)
	case *wire.Forward:
		return need{any: true} // judged as what is in it, at the node that it is for
	}
	return need{op: rights.Admin, verb: "ask this"}
}

func reading(s *wire.Scope, id foci.ID) need {
	return need{op: rights.Read, verb: "read", scope: s, id: id}
}

// asking is what a question about a node needs. What a node says of itself every
// client may know, as it finds its way by that. Links, pending transactions and
// traces show what others do, on whichever bucket.
func asking(what string) need {
	if what == wire.AskNode {
		return need{any: true}
	}
	return need{op: rights.Read, verb: "see what others do"}
}
