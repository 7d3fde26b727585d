package mutant

// The rules that can be switched off, by what is wrong without them.
const (
	// ZeroVersion: get --version 000…0 gives the newest version.
	ZeroVersion Name = "zero-version"
	// NothingCopied: a copy from a prefix without keys succeeds.
	NothingCopied Name = "nothing-copied"
	// LinkedFolder: a symbolic link to a folder, named as the source of a copy, is skipped.
	LinkedFolder Name = "linked-folder"
	// AnyGroup: a node starts although its configuration and its layout name
	// different groups for a backend.
	AnyGroup Name = "any-group"
	// AnyProtocol: a peer that speaks no common protocol version is let in.
	AnyProtocol Name = "any-protocol"
	// EarlyProtocol: a peer whose hello has the first form is let in.
	EarlyProtocol Name = "early-protocol"
	// ProtocolAsAway: a client that every node refuses for its version calls them
	// unreachable.
	ProtocolAsAway Name = "protocol-as-away"
)
