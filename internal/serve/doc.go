// Package serve holds the handlers of a process, one for each method of the table
// in package wire. Before it calls the handler it decodes the request and checks the
// rights of the peer. Slow methods do not run on the goroutine that reads the channel.
//
// [New] refuses a table with a missing handler, so that the process does not start.
// Handlers do not change afterwards; there is no lock.
package serve
