package mutant

// The rules that can be switched off, by what is wrong without them.
const (
	// AnyProtocol: a peer that speaks no common protocol version is let in.
	AnyProtocol Name = "any-protocol"
)
