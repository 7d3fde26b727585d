package wire

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/rights"
)

// Hint asks a replica that has an object's record to remember, durably, that
// another group may lack it.
type Hint struct {
	Target
	ID     foci.ID
	Missed foci.Group
	Scope
	// Now asks the replica to bring the group what it lacks at once, and to answer
	// when that is done; nothing is remembered. A reader that may not write asks
	// so for its write-back.
	Now bool
}

// Append encodes.
func (h *Hint) Append(b []byte) []byte {
	b = codec.AppendU32(append(h.append(b), h.ID[:]...), uint32(h.Missed))
	return codec.AppendBool(h.appendScope(b), h.Now)
}

// Decode decodes.
func (h *Hint) Decode(r *codec.Reader) {
	h.decode(r)
	r.Fixed(h.ID[:])
	h.Missed = foci.Group(r.U32())
	if h.Scope, h.Now = (Scope{}), false; r.More() { // since protocol 2, both
		h.decodeScope(r)
		h.Now = r.Bool()
	}
}

// HintReply says that the hint is durable, or, with Now, that the group lacks
// nothing of what the replica held when it was asked.
type HintReply struct{ Epoch foci.Epoch }

// Append encodes.
func (h *HintReply) Append(b []byte) []byte { return codec.AppendU64(b, uint64(h.Epoch)) }

// Decode decodes.
func (h *HintReply) Decode(r *codec.Reader) { h.Epoch = foci.Epoch(r.U64()) }

// About is the object or chunk.
func (h *Hint) About() foci.ID { return h.ID }

func (h *Hint) needs() Need {
	if h.Now {
		return h.reads(h.ID) // it moves what is stored already, for a read
	}
	return Need{Op: rights.Write, Verb: "write", Scope: &h.Scope, ID: h.ID}
}
