package mesh

import (
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
	"github.com/foci-store/foci/internal/device/mesh/stream"
)

// The types of requests and replies, from the packages below.
type (
	Request     = stream.Request
	Reply       = stream.Reply
	Incoming    = stream.Incoming
	Body        = stream.Body
	Source      = stream.Source
	Handler     = stream.Handler
	HandlerFunc = stream.HandlerFunc
	Identity    = handshake.Identity
	PeerError   = frame.PeerError

	ChannelStats = stream.Stats
	SharesStats  = stream.SharesStats
	ShareStats   = stream.ShareStats
)

// ErrSelf is why a connection of a process to itself fails.
var ErrSelf = handshake.ErrSelf
