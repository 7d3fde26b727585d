// Package node is the server: it opens the backends of one process and serves the
// requests to a replica. It counts no quorums; the process of the caller does.
//
// serve.go lists the handlers, by file: put.go, get.go, repair.go. start.go determines
// the identity of the node, backends.go opens its directories, deliver.go delivers
// hints to other groups (hinted handoff), evidence.go validates times ahead of the
// clock.
//
// Goroutines: one each for hint delivery, for searches of evidence and for the check of
// the clock, and one for each slow request. put, have and query run on the goroutine
// that reads the channel, and must not block.
//
// Locks: inquiries.mu, then slots.mu; asking.mu and round.mu are held alone. No
// lock is held while a request is answered.
package node
