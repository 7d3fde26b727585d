// Package stream carries requests and their replies over channels: many streams at
// a time on one connection, each under its own credit, so that a receiver that is
// slow on one stream slows no other.
//
// A [Client] is the dialling side of a channel and a [Server] its listening side; both
// embed a conn. The package owns the table of streams, the queue of frames, the bodies
// received and sent, credit (backpressure) in both directions, and the limits shared by
// the peers that dial this process ([Shares]). The files of a request: client.go (queued),
// write.go (written), server.go (received and served), reply.go (answered), client.go
// (the reply), request.go (Done).
//
// Goroutines: each channel has one that reads, on which handlers and Done are called,
// and one that writes. The writer ends while the channel is idle.
//
// Locks, in their order: conn.mu, then Body.mu, then Shares.mu. None of them is held
// while a handler, Done or the owner is called, nor over I/O.
package stream
