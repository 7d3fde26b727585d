// Package peer is one process as the mesh sees it. It wires its parts and is the
// one import for clients, gateways and nodes:
//
//   - operation runs operations: questions to replicas, resent until the caller can
//     be answered.
//   - path chooses the links and relays by which requests leave.
//   - membership finds other members, and keeps their routes and the layout up to
//     date.
//   - renewal renews the certificate.
//
// The parts do not import one another. Each states, by interfaces of a few methods,
// what it needs of the others; here [Peer] has them meet. A put goes through
// [Peer.Run] to operation, which asks the planner for the owners' nodes and hands
// attempts to path, which gives them to its links.
//
// # Goroutines
//
// This package begins one, which renews the certificate; membership says which it
// begins. The mesh calls handlers, the Done of requests and onPeer on its own.
// Operations have none: one alarm wakes them all.
//
// # Locks
//
// This package has none. Those of the parts are taken in the order of the ranks of
// package lockorder, which checks it in tests under the race detector: adoption of
// a layout, watches, operations, paths, members, and then locks of a few fields.
// The mesh's own locks come after all of them: it calls no part while it holds one.
package peer
