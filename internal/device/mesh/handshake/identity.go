package handshake

import (
	"net"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/device/auth"
)

// Identity is what a peer states about itself, what it has proved, and its
// connection.
type Identity struct {
	Node        foci.NodeID      `json:"node"`
	Incarnation foci.Incarnation `json:"incarnation"`
	Role        foci.Role        `json:"role"`
	Table       foci.Table       `json:"table"`    // of the listener that was dialled
	Addr        string           `json:"addr"`     // remote host:port
	Protocol    uint16           `json:"protocol"` // that both sides speak on this channel

	Principal rights.Principal `json:"principal,omitempty"` // "" where nothing is proved
	Rights    rights.Rights    `json:"-"`                   // everything where nothing is proved
}

// Who returns the peer as the holder of shares. Without authentication its role alone
// makes it a member.
func (id Identity) Who() share.Who {
	member := id.Principal.IsNode() || id.Principal == "" && id.Role != foci.RoleTransport
	return share.Who{Principal: id.Principal, Member: member}
}

// identity completes what a peer states about itself with the name in its
// certificate, under TLS, and with its address. Without authentication every peer may
// do everything.
func identity(who auth.Name, conn net.Conn, told Identity) Identity {
	told.Addr, told.Rights = conn.RemoteAddr().String(), rights.Full()
	if !who.IsZero() {
		told.Principal, told.Rights = who.Principal(), who.Rights
	}
	return told
}
