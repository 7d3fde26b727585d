package wire

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// Forward asks a node to pass a request on to another one, which the asker
// cannot reach itself; its body is the body of that request, and the reply is
// the reply of that node, or an error whose From says which of the two failed.
// What is passed on is never itself a Forward: there is one hop.
type Forward struct {
	Node   foci.NodeID // for whom the request is
	Method Method
	Class  foci.Class // of the channel by which it is passed on
	Head   []byte     // of the request
}

// maxForwarded is the longest head that is passed on: the rest of a head of
// MaxHead is the fields above, or those of [Relayed].
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
