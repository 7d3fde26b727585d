package mesh

import (
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// Identity is what a peer has told of itself and proved; see [handshake.Identity].
type Identity = handshake.Identity

// ErrSelf is why a connection of a process to itself fails.
var ErrSelf = handshake.ErrSelf

// PeerError marks an error that the peer answered; see [frame.PeerError].
type PeerError = frame.PeerError
