// Package handshake opens channels: mutual authentication, and the exchange of Hello
// messages, in which two processes state their identities. docs/protocol.md describes
// both.
//
// An [Endpoint] is this process's side of all its handshakes. It owns the
// unauthenticated connections and their limits, the newest incarnation seen of each
// node, and the name of the cluster. It starts no goroutine: a handshake runs on the
// caller's goroutine, until the deadline that the caller has set on the connection.
//
// Locks: [Endpoint] has one for the cluster's name; the incarnations, the nonces
// and each set of unauthenticated connections have one of their own. None is held
// while another is taken, while anything is read or written, or while
// Config.Holds is called.
package handshake
