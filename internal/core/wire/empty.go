package wire

import "github.com/foci-store/foci/internal/core/codec"

// Empty is the head of a message that says nothing.
type Empty struct{}

// Append encodes.
func (*Empty) Append(b []byte) []byte { return b }

// Decode decodes.
func (*Empty) Decode(*codec.Reader) {}

// Ping asks for an answer; whatever its head and body are is ignored.
type Ping struct{ Empty }

// AskLayout asks for the layout; the answer has it as JSON in the body.
type AskLayout struct{ Empty }

// passed stands for the head of a reply that a relay passes back.
type passed struct{ Empty }
