package mesh

import "github.com/foci-store/foci/internal/device/mesh/frame"

// PeerError marks an error that the peer answered; see [frame.PeerError].
type PeerError = frame.PeerError
