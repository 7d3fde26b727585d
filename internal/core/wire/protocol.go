package wire

import "strconv"

// The protocol versions that this code speaks: the present one and the one
// before it, so that a cluster can be upgraded node by node. docs/upgrade.md
// says what each has brought.
const (
	MinProtocol = 1
	MaxProtocol = 2
)

// Protocols is a range of protocol versions, both ends included.
type Protocols struct {
	Min uint16 `json:"min"`
	Max uint16 `json:"max"`
}

// Spoken are the versions that this code speaks.
func Spoken() Protocols { return Protocols{MinProtocol, MaxProtocol} }

// String is "1-2", or "2" for a single version. Nodes that speak 1 alone do not
// tell; the zero value stands for them.
func (p Protocols) String() string {
	switch {
	case p == Protocols{}:
		return "1"
	case p.Min == p.Max:
		return strconv.Itoa(int(p.Min))
	}
	return strconv.Itoa(int(p.Min)) + "-" + strconv.Itoa(int(p.Max))
}

// Common is the newest version in both ranges; false when there is none.
func (p Protocols) Common(o Protocols) (uint16, bool) {
	v := min(p.Max, o.Max)
	return v, v >= max(p.Min, o.Min)
}

// MaxCluster is the longest name of a cluster, in bytes.
const MaxCluster = 64

// The longest message, in bytes.
const (
	MaxHead = 2 << 20
	MaxBody = 16 << 20 // payloads need 4 MiB, layouts more
)
