package mesh

import (
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
	"github.com/foci-store/foci/internal/device/mesh/stream"
)

// What a mesh sends and serves is made of types of the packages below it.
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
