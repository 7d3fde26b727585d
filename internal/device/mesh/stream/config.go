package stream

import (
	"time"

	"github.com/foci-store/foci"
)

// Config is what all channels of a process share.
type Config struct {
	Node       foci.NodeID // of this process
	Handler    Handler
	Window     uint32       // initial credit of a stream that is received
	Shares     *Shares      // of the peers that dial this process
	Collecting *Budget      // bodies of replies that are put together
	Now        func() int64 // the wall clock, in nanoseconds since 1970
	Go         func(func()) // starts a goroutine that the owner of the channels waits for
	Closed     func(*Server, error)

	QueueBytes   int64         // small messages waiting to be written on one channel
	ChannelBytes int64         // of requests that are in memory, and of replies being sent, on one channel
	WriteTimeout time.Duration // a peer that takes nothing for so long loses the channel
	Progress     time.Duration // a request of which nothing arrives for so long, though it may, is ended
}

// Handler serves requests.
type Handler interface {
	// Serve is called on the goroutine that reads the channel, as soon as the
	// head of the request is there; it must not block. It, or anything later,
	// answers by [Incoming.Reply], [Incoming.ReplySource] or [Incoming.Fail].
	Serve(in *Incoming)
}

// HandlerFunc is a function that serves.
type HandlerFunc func(in *Incoming)

// Serve calls f.
func (f HandlerFunc) Serve(in *Incoming) { f(in) }

var errShutdown = foci.Errorf(foci.Closed, "this node is shutting down")
