package frame

// Packing is a set of compression formats for the contents of a frame: in a hello and
// a welcome those that the sender can read, in the flags of a frame the one in use.
// Nothing is compressed unless both sides support it.
type Packing uint8

// The formats. Their values are those of the flags.
const (
	Zstd Packing = 2 // one frame of Zstandard (RFC 8878)
	LZ4  Packing = 4 // one block of LZ4, without a frame

	AllPackings = Zstd | LZ4
)

// Packing is how the contents of a frame are compressed; 0: they are not.
func (h *Header) Packing() Packing { return Packing(h.Flags) & AllPackings }

// Raw is the length of the contents when they are not, or no longer, compressed.
func (h *Header) Raw() int {
	switch {
	case h.Packing() == 0:
		return int(h.Size)
	case h.Type == Data:
		return int(h.Body)
	}
	return int(h.Head) + int(h.Body)
}

// brokenPacking names the rule that a compressed frame breaks; "" when none.
func (h *Header) brokenPacking() string {
	switch p := h.Packing(); {
	case p == AllPackings:
		return "is compressed in two ways"
	case h.Flags&^uint8(AllPackings) != 0:
		return "has flags that a compressed frame has not"
	case h.Raw() > MaxFrame:
		return "compressed, and larger than a frame may be"
	case h.Size == 0 || int(h.Size) >= h.Raw():
		return "compressed, and no shorter for it"
	}
	return ""
}
