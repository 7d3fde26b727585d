// Package serve holds the handlers of a process, one for each method of the table
// in package wire. It decodes a request and judges the asker's rights before the
// handler sees it, and runs slow methods apart from the goroutine that reads the
// channel.
//
// [New] refuses a table with a gap, so that a process which cannot answer a method
// does not start. Handlers do not change afterwards; there is no lock.
package serve
