// Package membership finds the other members of a cluster and keeps what this
// process knows of them up to date: their addresses, and the layout.
//
// A process dials its seeds (seeds.go), has the mesh keep a link to every node it
// learns of (dial.go) and exchanges routes with them: by gossip when something
// changes (gossip.go), and by anti-entropy, the comparison of digests with one
// random peer after the other (exchange.go). A transport client, which is in no
// node's state, watches one node instead (watch.go, watchers.go). Where there
// are certificates a route counts by its node's signature (proofs.go). Every
// decision that needs no I/O is package route's.
//
// [Members] is the sum of parts that do not see each other: dialer, exchanger,
// gossip, layouts, proofs, watch, watchers and quota. They share env; what one
// needs of another New hands to it as a function. Members owns the view (the table
// of routes, the tables in use, the seeds) and the watches that wait here. The
// layout's holder is the process's, the links are the mesh's, and package path
// keeps the set of those by which requests leave.
//
// # Goroutines
//
// Start begins one for each seed, which ends when the seed is this process; one
// for upkeep; for members one that gossips and one that answers watchers; for
// transport clients one that watches. Up to maxExchanges exchange routes, up to
// maxHints dial a hint, and one at a time searches for a layout, all of them only
// while there is something to do. Stop ends them, Wait waits for them.
//
// # Locks
//
// In the order in which they are taken, which package lockorder checks:
//
//  1. layouts.adopting: held while a layout is put on the disk and made known. The
//     locks of operations and paths come after it.
//  2. watchers.mu: the watches that wait here.
//  3. view.mu: all that is known of other members. While it is held only the
//     certificates' own lock is taken, when this node's route is signed. Package
//     path may hold its lock when it asks for tables, so nothing here calls [Links]
//     or [Paths] while it holds view.mu.
//  4. layouts.mu, exchanger.mu, quota.mu: a few fields each. No lock is taken
//     while one of them is held.
package membership
