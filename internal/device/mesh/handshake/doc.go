// Package handshake opens channels: authentication, and the messages by which two
// processes tell each other who they are before anything else is sent.
// docs/protocol.md describes them.
//
// An [Endpoint] is this process's part of all its handshakes. It owns the
// unauthenticated connections and their limits, the newest incarnation seen of
// each node, and the name of the cluster. It starts no goroutine: a handshake runs
// on its caller's, and is bounded by the deadline that the caller has set on the
// connection.
//
// Locks: [Endpoint] has one for the cluster's name; the incarnations, the nonces
// and each set of unauthenticated connections have one of their own. None is held
// while another is taken, while anything is read or written, or while
// Config.Holds is called.
package handshake
