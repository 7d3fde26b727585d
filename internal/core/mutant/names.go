package mutant

// The rules that can be switched off, by what is wrong without them.
const (
	// AnyProtocol: a peer that speaks no common protocol version is let in.
	AnyProtocol Name = "any-protocol"
	// EarlyProtocol: a peer whose hello has the first form is let in.
	EarlyProtocol Name = "early-protocol"
	// ProtocolAsAway: a client that every node refuses for its version calls them
	// unreachable.
	ProtocolAsAway Name = "protocol-as-away"
)
