package wire

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/rights"
)

// Have asks whether a replica holds a version, before a body is sent again.
type Have struct {
	Target
	ID      foci.ID
	Version foci.Version
	Hash    record.Hash
	Scope
}

// Append encodes.
func (h *Have) Append(b []byte) []byte {
	b = append(h.append(b), h.ID[:]...)
	return h.appendScope(append(codec.AppendVersion(b, h.Version), h.Hash[:]...))
}

// Decode decodes.
func (h *Have) Decode(r *codec.Reader) {
	h.decode(r)
	r.Fixed(h.ID[:])
	h.Version = r.Version()
	r.Fixed(h.Hash[:])
	h.decodeScope(r)
}

// HaveState answers Have.
type HaveState uint8

// The answers to Have.
const (
	HaveNo         HaveState = 0
	HaveInProgress HaveState = 1 // received, not yet fsynced
	HaveStored     HaveState = 2 // fsynced and visible: as good as an acknowledgement
	HaveConflict   HaveState = 3 // the version is there with other content
)

// HaveReply answers Have.
type HaveReply struct {
	Epoch foci.Epoch
	State HaveState
}

// Append encodes.
func (h *HaveReply) Append(b []byte) []byte {
	return append(codec.AppendU64(b, uint64(h.Epoch)), byte(h.State))
}

// Decode decodes.
func (h *HaveReply) Decode(r *codec.Reader) {
	h.Epoch = foci.Epoch(r.U64())
	h.State = HaveState(r.U8())
	if h.State > HaveConflict {
		r.Fail()
	}
}

func (h *Have) needs() Need {
	n := h.reads(h.ID)
	n.Or = rights.Write // whether a record has arrived is asked by its writer
	return n
}
