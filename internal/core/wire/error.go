package wire

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// MaxErrorText is the most text that an error carries over the wire.
const MaxErrorText = 1024

// Error is a [foci.Error] on the wire: the head of a reply with the error flag.
type Error struct {
	Kind       foci.Kind
	Epoch      foci.Epoch // of the replica, with StaleLayout
	RetryAfter time.Duration
	Text       string
	From       foci.NodeID // the node that failed, when a relay passes the error on; zero: the sender
}

// Append encodes.
func (e *Error) Append(b []byte) []byte {
	b = codec.AppendU64(append(b, byte(e.Kind)), uint64(e.Epoch))
	b = codec.AppendU32(b, uint32(min(e.RetryAfter/time.Millisecond, 1<<31)))
	b = codec.AppendString(b, e.Text[:min(len(e.Text), MaxErrorText)])
	return append(b, e.From[:]...)
}

// Decode decodes; a kind from the future becomes Internal.
func (e *Error) Decode(r *codec.Reader) {
	e.Kind = foci.Kind(r.U8())
	if e.Kind >= foci.NumKinds {
		e.Kind = foci.Internal
	}
	e.Epoch = foci.Epoch(r.U64())
	e.RetryAfter = time.Duration(r.U32()) * time.Millisecond
	e.Text = r.String(MaxErrorText)
	r.Fixed(e.From[:])
}
