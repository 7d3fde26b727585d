package wire

import (
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/rights"
)

// AskNode asks a process to describe itself.
const AskNode = "node"

// Ask is a question about a process, by name (see package status); the answer is
// JSON in the body.
type Ask struct{ What string }

// Append encodes.
func (a *Ask) Append(b []byte) []byte { return codec.AppendString(b, a.What) }

// Decode decodes.
func (a *Ask) Decode(r *codec.Reader) { a.What = r.String(64) }

// needs: every client may know what a node tells of itself, as it finds its path
// by that. Links, pending transactions and traces show what others do, on
// whichever bucket.
func (a *Ask) needs() Need {
	if a.What == AskNode {
		return Need{Anyone: true}
	}
	return Need{Op: rights.Read, Verb: "see what others do"}
}

// Empty is the head of a message without fields.
type Empty struct{}

// Append encodes.
func (*Empty) Append(b []byte) []byte { return b }

// Decode decodes.
func (*Empty) Decode(*codec.Reader) {}

// Ping asks for a reply; its head and body are ignored.
type Ping struct{ Empty }

// AskLayout asks for the layout; the answer has it as JSON in the body.
type AskLayout struct{ Empty }

// passed stands for the head of a reply that a relay passes back.
type passed struct{ Empty }
