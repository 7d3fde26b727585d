// Package mesh owns every socket of Foci: a full mesh of one-way links. A link is
// all channels (TCP connections) from this process to one peer, each named by
// (peer, table, class, n). Requests go only from the side that dialled; the
// replies travel back on the same channel. Channels are independent: the loss of one
// takes only its own requests along, which move to another channel or fail.
//
// Everything is asynchronous: [Link.Send] queues a request or refuses it at
// once, its Done function is called exactly once, and no goroutine waits
// meanwhile. Every queue has a limit in messages and in bytes (backpressure).
//
// It owns the listeners, the accepted channels, the links and their configuration.
// The parts below it: package frame reads and writes frames, package handshake opens
// channels, package stream serves one channel. A request goes through link.go (which
// channel), package stream (to the peer and back) and, when its channel is lost,
// keep.go (to another one). docs/protocol.md describes the protocol.
//
// Goroutines: one accepts for each listener, and one runs each accepted handshake
// and then reads its channel; keep serves one link, and one goroutine dials each
// channel and then reads it; each channel has a writer while it is busy; watch sends
// pings, trims idle channels and ends requests that do not arrive; reportPeers calls
// OnPeer; judge closes channels whose certificates are no longer valid. Close waits for
// all of them.
//
// Locks, in their order: Link.mu, then events.mu or those of package stream.
// Mesh.mu is taken alone. None is held over I/O, or while OnPeer, a handler or Done
// is called.
package mesh
