package wire

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/rights"
)

// Forward asks a node to relay a request to another one that the asker cannot
// reach itself. Its body is the body of that request; the reply is the reply of
// that node, or an error whose From tells which of the two failed. A Forward is
// never relayed: there is one hop.
type Forward struct {
	Node   foci.NodeID // the request's destination
	Method Method
	Class  foci.Class // of the channel by which it is passed on
	Head   []byte     // of the request
}

// maxForwarded is the longest head of a request that is relayed: the rest of a
// head of MaxHead is for the other fields of Forward or [Relayed].
const maxForwarded = MaxHead - maxEnvelope

// Append encodes.
func (f *Forward) Append(b []byte) []byte {
	b = append(b, f.Node[:]...)
	return codec.AppendBytes(append(codec.AppendU16(b, uint16(f.Method)), byte(f.Class)), f.Head)
}

// Decode decodes; Head aliases the message.
func (f *Forward) Decode(r *codec.Reader) {
	r.Fixed(f.Node[:])
	f.Method = Method(r.U16())
	f.Class = foci.Class(r.U8())
	if f.Class >= foci.NumClasses {
		r.Fail()
	}
	f.Head = r.Bytes(maxForwarded)
}

// MaxPrincipal is the longest principal, in bytes.
const MaxPrincipal = 128

// maxEnvelope bounds what Relayed adds to the head of a request.
const maxEnvelope = 8 << 10

// Relayed is a request that a relay passes on, with the principal that asked the
// relay. A node serves it with the rights of that principal, not with those of
// the relay, and only when the relay is a member. Its body is the body of the
// request. It is what [Forward] becomes on the second leg, since protocol 2.
type Relayed struct {
	Asker    rights.Principal
	Rights   rights.Rights
	Protocol uint16 // of the channel from the asker to the relay
	Method   Method
	Head     []byte // of the request
}

// Append encodes.
func (m *Relayed) Append(b []byte) []byte {
	b = codec.AppendString(codec.AppendString(b, string(m.Asker)), m.Rights.String())
	return codec.AppendBytes(codec.AppendU16(codec.AppendU16(b, m.Protocol), uint16(m.Method)), m.Head)
}

// Decode decodes; Head aliases the message.
func (m *Relayed) Decode(r *codec.Reader) {
	m.Asker = rights.Principal(r.String(MaxPrincipal))
	var err error
	if m.Rights, err = rights.Parse(r.String(rights.MaxText)); err != nil {
		r.Fail()
	}
	m.Protocol = r.U16()
	m.Method = Method(r.U16())
	m.Head = r.Bytes(maxForwarded)
}
