package rights

import (
	"strings"

	"github.com/foci-store/foci"
)

// Principal is who a peer has proved to be: "node/UUID" or "client/NAME", as its
// certificate says. It is empty where nothing is proved, as on loopback without
// a key: such peers cannot be told apart, so neither shares nor rights bind them.
type Principal string

const (
	nodePrefix   = "node/"
	clientPrefix = "client/"
)

// Node is the principal of a member.
func Node(id foci.NodeID) Principal { return Principal(nodePrefix + id.String()) }

// Client is the principal of a client.
func Client(name string) Principal { return Principal(clientPrefix + name) }

// IsNode reports whether it is a member's.
func (p Principal) IsNode() bool { return strings.HasPrefix(string(p), nodePrefix) }
