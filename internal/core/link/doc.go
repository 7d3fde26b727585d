// Package link keeps the channels of one link open, and gets each request that
// is given to it onto one of them until it is answered or cannot be.
//
// The machine is told what happens (a dial ended, a channel was lost, a ping
// stays unanswered, a request wants a channel) and at what time, and answers
// with what is to be done: dial, close, send, fail, tell. It opens nothing, has
// no clock and draws no random numbers of its own. What every message needs,
// the list of open channels and the streams of each, is outside of it: a
// request comes here only when no channel of its class is open, or when its
// channel died before the answer came.
//
// Channels are independent: the loss of one moves what was unanswered on it to
// a sibling, or to the channel that is dialled in its place. Nothing is resumed:
// each message stands alone and is idempotent, so moving it is sending it again.
package link
