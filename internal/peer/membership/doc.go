// Package membership discovers the other members of a cluster, and keeps their routes
// and the layout up to date.
//
// A process dials its seeds (seeds.go), has the mesh keep a link to every known node
// (dial.go) and exchanges routes with the nodes: by gossip when something changes
// (gossip.go), and by anti-entropy, the comparison of digests with one random peer
// after the other (exchange.go). A transport client is not a member; it watches one
// node instead (watch.go, watchers.go). In clusters with certificates a route must
// have its node's signature (proofs.go). Package route makes every decision that needs
// no I/O.
//
// [Members] consists of independent parts: dialer, exchanger, gossip, layouts, proofs,
// watch, watchers and quota. They share env, and New passes functions of one part to
// another. Members owns the view (the route table, the tables in use, the seeds) and
// the pending watches of transport clients. The process owns the holder of the layout,
// the mesh owns the links, and package path the set of links that requests use.
//
// # Goroutines
//
// Start starts one for each seed, which ends if the seed is this process; one for
// upkeep; in members one that gossips and one that answers watchers; in transport
// clients one that watches. On demand up to maxExchanges exchange routes, up to
// maxHints dial a hinted address, and one searches for a layout. Stop ends them, Wait
// waits for them.
//
// # Locks
//
// In the order in which they are taken, which package lockorder checks:
//
//  1. layouts.adopting: held while a layout is put on the disk and made known. The
//     locks of operations and paths come after it.
//  2. watchers.mu: the pending watches of transport clients.
//  3. view.mu: the state of other members. Under it only the certificates' own lock
//     is taken, to sign this node's route. Package path may hold its lock when it asks
//     for tables, so this package never calls [Links] or [Paths] under view.mu.
//  4. layouts.mu, exchanger.mu, quota.mu: a few fields each. No lock is taken
//     while one of them is held.
package membership
