// Package peer is one process as the mesh sees it: the shell around the
// transaction machine, the route table and the mesh. Clients, gateways and
// nodes are built on it.
//
// The way of an operation: [Peer.Run] starts a quorum machine; each of its
// questions becomes a leg of the transaction machine (legs.go), which says when
// to send it and to whom; the mesh carries it; the answer goes back the same
// way until the machine says that the caller is to be answered. Nothing in this
// chain waits: there is one timer and no goroutine for a transaction.
package peer
