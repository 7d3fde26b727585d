package mesh

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// ClassConfig configures the channels of one class.
type ClassConfig struct {
	// Tables orders the route tables: addresses in the first are dialled first, and so
	// on; then the rest. Empty = in the peer's order.
	Tables []foci.Table

	// DSCP marks the packets of the class, 0 to 63, in both directions when both sides
	// are configured alike. 0 = unmarked.
	DSCP uint8

	// Compress is how bodies over 4 KiB are compressed, where that pays and the
	// peer can read it. 0 = not at all: it costs more time than a fast network.
	Compress Compression

	// QueueBytes bounds the bytes of the class's requests to one peer, in flight or
	// waiting; over it the caller gets Busy. 0 = Limits.LinkBytes.
	QueueBytes int64
}

// MaxDSCP is the highest value of ClassConfig.DSCP: six bits.
const MaxDSCP = 63

func (c *ClassConfig) check(class foci.Class) error {
	switch {
	case c.DSCP > MaxDSCP:
		return foci.Errorf(foci.Invalid, "dscp %d of class %v: want 0 to %d", c.DSCP, class, MaxDSCP)
	case c.Compress >= numCompressions:
		return foci.Errorf(foci.Invalid, "compression %d of class %v is unknown", c.Compress, class)
	case c.QueueBytes < 0:
		return foci.Errorf(foci.Invalid, "queue of %d bytes of class %v: want 0 or more", c.QueueBytes, class)
	}
	return nil
}

// Compression is how the bodies of a class are compressed.
type Compression uint8

// The ways to compress.
const (
	NotCompressed Compression = iota
	Zstd                      // smaller
	LZ4                       // faster
	numCompressions
)

var compressions = [numCompressions]string{"off", "zstd", "lz4"}

// String is the name in configurations.
func (c Compression) String() string {
	if c >= numCompressions {
		return "unknown"
	}
	return compressions[c]
}

// ParseCompression reads what String prints; "" is off.
func ParseCompression(s string) (Compression, error) {
	for c, name := range compressions {
		if s == name || s == "" {
			return Compression(c), nil
		}
	}
	return 0, foci.Errorf(foci.Invalid, "compress %q: want off, zstd or lz4", foci.Clip(s))
}

// packing returns its bit on the wire.
func (c Compression) packing() frame.Packing {
	return [numCompressions]frame.Packing{Zstd: frame.Zstd, LZ4: frame.LZ4}[c]
}

// LinkMode says what the loss of one channel means for the others of its link.
type LinkMode uint8

const (
	// Independent: nothing. Requests in flight on the lost channel move to another.
	Independent LinkMode = iota
	// Linked: they are closed too, and all requests in flight on them fail.
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
