// Package link keeps the channels of one link open, and gets each request that
// is given to it onto one of them until it is answered or cannot be.
//
// The [Machine] is told of events (a dial ended, a channel was lost, a ping is
// unanswered, a request needs a channel) and of the time, and returns effects:
// dial, close, send, fail, tell. It opens nothing, has no clock and draws no
// random numbers of its own. The list of open channels and the streams of each
// are outside of it, as every message needs them: a request comes to the machine
// only when no channel of its class is open, or when its channel was lost before
// the answer came.
//
// Channels are independent. The loss of one moves its unanswered requests to a
// sibling, or to the channel that is dialled in its place. Nothing is resumed:
// messages are idempotent, so moving a request is sending it again.
//
// A peer is up while a channel to it is open. When the last one is lost the peer
// is suspect and dialled on each of its tables; if these dials fail it is down,
// and requests to it fail as unreachable.
package link
