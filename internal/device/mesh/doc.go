// Package mesh is every socket of Foci: a full mesh of one-way links. A link is
// all channels (TCP connections) from this process to one peer, each named by
// (peer, table, class, n). Requests go only from the side that dialled; the
// replies come back on the same channel. Channels are independent: one that
// dies takes only its own requests along, and each of these is told so.
//
// Everything is asynchronous: [Link.Send] queues a request or refuses it at
// once, its Done function is called exactly once, and no goroutine waits
// meanwhile. Every queue has a limit in messages and in bytes. Bodies longer
// than a frame flow under credit, so that a receiver who is slow on one stream
// slows no other.
//
// The frames are those of package wire; docs/protocol.md describes them.
//
// The way of a request through the files: link.go (which channel), send.go
// (queued), write.go (written), read.go (read), incoming.go (served and
// answered), read.go again (the reply), request.go (Done).
package mesh
