// Package node is the server: it opens the backends of one process and serves what
// a replica is asked. It decides nothing about quorums; that is done where the
// caller is. A node is a replica and nothing more.
//
// serve.go lists the handlers, by file: put.go, get.go, repair.go. start.go finds
// out which node this is, backends.go opens its directories, deliver.go sends other
// groups what they have missed, evidence.go judges times ahead of the clock.
//
// Goroutines: one for each of hint delivery, searches for evidence and the watch
// over the clock, and one for each slow request. put, have and query run on the
// goroutine that reads the channel, and must not wait.
//
// Locks: inquiries.mu, then slots.mu; asking.mu and round.mu are held alone. No
// lock is held while a request is answered.
package node
