package record

// Op is what a transaction does to its object.
type Op uint8

// The operations. Chunk is a part of a large object: never listed, never a base.
const (
	OpPut    Op = 1
	OpAppend Op = 2
	OpRemove Op = 3
	OpChunk  Op = 4
)

var opNames = map[Op]string{OpPut: "put", OpAppend: "append", OpRemove: "remove", OpChunk: "chunk"}

// String is the name used in output.
func (o Op) String() string {
	if n, ok := opNames[o]; ok {
		return n
	}
	return "unknown"
}

// MarshalText makes operations readable in JSON.
func (o Op) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// IsBase reports whether the operation replaces everything before it.
func (o Op) IsBase() bool { return o == OpPut || o == OpRemove || o == OpChunk }

// Valid reports whether the operation is known.
func (o Op) Valid() bool { return o >= OpPut && o <= OpChunk }
