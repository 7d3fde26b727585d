package handshake

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// MaxProof is the most bytes of a hello's or welcome's Proof: a nonce or a digest,
// with room for more.
const MaxProof = 256

// NonceSize is the length of the nonce in a hello's Proof, in bytes.
const NonceSize = 32

// Hello is the first message of a channel, from the dialling side.
type Hello struct {
	MinProtocol, MaxProtocol uint16

	Cluster     string // "" = any
	Node        foci.NodeID
	Incarnation foci.Incarnation
	Role        foci.Role
	Expect      foci.NodeID // the node to be dialled; zero = any
	Class       foci.Class
	Index       uint16     // of the channel in its class
	Table       foci.Table // of the address that it dialled
	Window      uint32     // initial credit of each stream that it receives
	Auth        uint8
	Proof       []byte // a fresh nonce, by which a process detects that it dials itself

	Packing frame.Packing // that the dialler can read
	// Early marks a hello that ends before Packing, as the first builds sent it: they
	// also call their protocol 1, but their messages have another form.
	Early bool
}

// Append encodes.
func (h *Hello) Append(b []byte) []byte {
	b = codec.AppendU16(codec.AppendU16(b, h.MinProtocol), h.MaxProtocol)
	b = append(codec.AppendString(b, h.Cluster), h.Node[:]...)
	b = append(codec.AppendU64(b, uint64(h.Incarnation)), byte(h.Role))
	b = append(append(b, h.Expect[:]...), byte(h.Class))
	b = codec.AppendU32(codec.AppendU16(b, h.Index), uint32(h.Table))
	b = codec.AppendBytes(append(codec.AppendU32(b, h.Window), h.Auth), h.Proof)
	if h.Early {
		return b
	}
	return append(b, byte(h.Packing))
}

// Decode decodes. The protocol range comes first so that what follows may
// change with it.
func (h *Hello) Decode(r *codec.Reader) {
	h.MinProtocol, h.MaxProtocol = r.U16(), r.U16()
	h.Cluster = r.String(wire.MaxCluster)
	r.Fixed(h.Node[:])
	h.Incarnation = foci.Incarnation(r.U64())
	h.Role = foci.Role(r.U8())
	r.Fixed(h.Expect[:])
	h.Class = foci.Class(r.U8())
	h.Index = r.U16()
	h.Table = foci.Table(r.U32())
	h.Window = r.U32()
	h.Auth = r.U8()
	h.Proof = r.Bytes(MaxProof)
	packing, present := readPacking(r)
	h.Packing, h.Early = packing, !present
	if h.Role >= foci.NumRoles || h.Class >= foci.NumClasses || h.Table >= foci.MaxTable ||
		h.Window < frame.MinWindow || h.Window > frame.MaxWindow || h.MinProtocol > h.MaxProtocol {
		r.Fail()
	}
}

// Protocols is the range that the dialler speaks.
func (h *Hello) Protocols() wire.Protocols {
	return wire.Protocols{Min: h.MinProtocol, Max: h.MaxProtocol}
}

// Welcome answers a hello; the channel is open once it has been read.
type Welcome struct {
	Protocol    uint16
	Cluster     string
	Node        foci.NodeID
	Incarnation foci.Incarnation
	Role        foci.Role
	Table       foci.Table // of the listener: the dialler's table from now on
	Window      uint32     // initial credit of each stream that the listener receives
	Streams     uint32     // requests that may be in flight; slots are below it
	Auth        uint8
	Proof       []byte // the digest of the authorities that the listener trusts; see Renew

	Packing frame.Packing // that the listener can read
	Early   bool          // as in a Hello
}

// Append encodes.
func (w *Welcome) Append(b []byte) []byte {
	b = codec.AppendString(codec.AppendU16(b, w.Protocol), w.Cluster)
	b = codec.AppendU64(append(b, w.Node[:]...), uint64(w.Incarnation))
	b = codec.AppendU32(append(b, byte(w.Role)), uint32(w.Table))
	b = codec.AppendU32(codec.AppendU32(b, w.Window), w.Streams)
	b = codec.AppendBytes(append(b, w.Auth), w.Proof)
	if w.Early {
		return b
	}
	return append(b, byte(w.Packing))
}

// Decode decodes.
func (w *Welcome) Decode(r *codec.Reader) {
	w.Protocol = r.U16()
	w.Cluster = r.String(wire.MaxCluster)
	r.Fixed(w.Node[:])
	w.Incarnation = foci.Incarnation(r.U64())
	w.Role = foci.Role(r.U8())
	w.Table = foci.Table(r.U32())
	w.Window = r.U32()
	w.Streams = r.U32()
	w.Auth = r.U8()
	w.Proof = r.Bytes(MaxProof)
	packing, present := readPacking(r)
	w.Packing, w.Early = packing, !present
	if w.Role >= foci.NumRoles || w.Table >= foci.MaxTable || w.Window < frame.MinWindow || w.Window > frame.MaxWindow ||
		w.Streams == 0 || w.Streams > frame.MaxStreams {
		r.Fail()
	}
}

// readPacking reads the tail of a hello or welcome, and reports whether there is one.
// It ignores unknown formats.
func readPacking(r *codec.Reader) (p frame.Packing, present bool) {
	if !r.More() {
		return 0, false
	}
	return frame.Packing(r.U8()) & frame.AllPackings, true
}
