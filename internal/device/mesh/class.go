package mesh

import "github.com/foci-store/foci"

// ClassConfig is what is particular to the channels of one class.
type ClassConfig struct {
	// Tables says by which tables the class goes: addresses of the first are
	// dialled first, and so on; then the others. Empty = in the peer's order.
	Tables []foci.Table
}

// LinkMode says what the loss of one channel means for the others of its link.
type LinkMode uint8

const (
	// Independent: nothing. What was under way on the lost one moves to a sibling.
	Independent LinkMode = iota
	// Linked: they are closed too, and all that was under way on them fails.
	Linked
	numLinkModes
)

var linkModes = [numLinkModes]string{"independent", "linked"}

// String is the name in configurations.
func (m LinkMode) String() string {
	if m >= numLinkModes {
		return "unknown"
	}
	return linkModes[m]
}

// ParseLinkMode reads what String prints; "" is Independent.
func ParseLinkMode(s string) (LinkMode, error) {
	for m, name := range linkModes {
		if s == name || s == "" {
			return LinkMode(m), nil
		}
	}
	return 0, foci.Errorf(foci.Invalid, "links %q: want independent or linked", foci.Clip(s))
}
