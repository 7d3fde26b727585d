package wire

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/rights"
)

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

// Relayable reports whether a request may be passed on: those that a replica
// serves, and questions about a node itself, each by the classes that they
// travel by, so that nobody's bulk goes where members ask whether they live.
// What concerns the asker's own place in the mesh is for its neighbours alone.
func Relayable(method Method, class foci.Class) bool {
	switch method {
	case MethodQuery, MethodStore, MethodHave, MethodFetch, MethodList, MethodHint:
		return class != foci.Ping && class != foci.State
	case MethodStatus:
		return class == foci.State
	}
	return false
}
