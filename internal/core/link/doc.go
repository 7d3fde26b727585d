// Package link keeps the channels of one link open, and assigns requests to channels
// when no channel is open or a channel is lost.
//
// The [Machine] takes events (a dial ended, a channel was lost, a ping is unanswered,
// a request needs a channel) and the time, and returns effects: dial, close, send,
// fail, tell. It is pure: no I/O, no clock, no goroutine, no lock, no random numbers
// of its own. The shell holds the open channels and their streams, and sends most
// requests without the machine: a request comes here only when no channel of its
// class is open, or when its channel was lost before the answer arrived.
//
// Channels are independent. The loss of one moves its unanswered requests to a
// sibling, or to the channel that is dialled in its place. Nothing is resumed:
// messages are idempotent, so moving a request is sending it again.
//
// A peer is up while a channel to it is open. When the last one is lost the peer
// is suspect and dialled on each of its tables; if these dials fail it is down,
// and requests to it fail as unreachable.
package link
