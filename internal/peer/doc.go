// Package peer is one process in the mesh. It wires the packages below and is the only
// one that clients and nodes import:
//
//   - operation runs operations and resends their requests to replicas.
//   - path chooses the link or relay of each request.
//   - membership discovers other members, and keeps their routes and the layout up to
//     date.
//   - renewal renews the certificate.
//
// These packages do not import one another. Each declares small interfaces for what it
// needs of the others, and [Peer] connects them. A put goes through [Peer.Run] to
// operation, which asks the planner for the owners' nodes and passes attempts to path,
// which sends them by its links.
//
// # Goroutines
//
// This package starts one, which renews the certificate; see membership for its own.
// The mesh calls handlers, the Done of requests and onPeer on its goroutines.
// Operations have none: one alarm wakes them all.
//
// # Locks
//
// This package has none. Package lockorder defines the order of those of the packages
// below, and checks it in tests under the race detector: adoption of a layout, watches,
// operations, paths, members, then leaf locks. The mesh's locks come last: it calls
// none of these packages while it holds one.
package peer
