package wire

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// MaxBeacon is the longest beacon, in bytes: one packet on any network.
const MaxBeacon = 1400

// Beacon is a node's announcement by multicast, in one packet, so that nodes find
// each other without configured addresses.
type Beacon struct {
	Time    int64  // of the sender's clock, nanoseconds since 1970
	Nonce   uint64 // of the packet: no two of one sender's have the same within its window
	Cluster string
	// Route is the sender's entry. When its addresses do not all fit, the counter
	// is 0, so that the whole one replaces it.
	Route Route
}

// Append encodes.
func (b *Beacon) Append(to []byte) []byte {
	to = codec.AppendU64(codec.AppendU64(to, uint64(b.Time)), b.Nonce)
	return b.Route.append(codec.AppendString(to, b.Cluster))
}

// Decode decodes.
func (b *Beacon) Decode(r *codec.Reader) {
	b.Time, b.Nonce = r.I64(), r.U64()
	b.Cluster = r.String(MaxCluster)
	b.Route.decode(r)
	if b.Route.Node.IsZero() || b.Route.Role == foci.RoleTransport || b.Time < 0 || b.Time >= foci.MaxTime {
		r.Fail()
	}
}

// Fit leaves out addresses until the beacon takes at most so many bytes.
func (b *Beacon) Fit(room int) {
	for len(b.Route.Addrs) > 0 && 8+8+4+len(b.Cluster)+b.Route.size() > room {
		b.Route.Addrs = b.Route.Addrs[:len(b.Route.Addrs)-1]
		b.Route.Counter = 0
	}
}
