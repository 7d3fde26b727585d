package frame

import (
	"sync"

	"github.com/foci-store/foci"
)

// bufferSizes are the sizes in which memory is pooled: one for each usual kind
// of contents, up to the record with the longest payload.
var bufferSizes = [...]int{1 << 10, 4 << 10, 8 << 10, 16 << 10, MaxPiece, MaxFrame, DefWindow, 1 << 20, foci.MaxPayload + 64<<10}

var bufferPools [len(bufferSizes)]sync.Pool

// Buffer is pooled memory; B is the part in use.
type Buffer struct {
	B    []byte
	pool int // -1: too large to be pooled
}

// Stage returns how much memory to take for a message of size bytes of which n have
// arrived: hardly ever more than four times n.
func Stage(n, size int64) int64 {
	for _, class := range bufferSizes {
		if n <= int64(class) {
			return min(size, int64(class))
		}
	}
	return min(size, 2*n)
}

// NewBuffer returns a buffer of n bytes, whose contents are arbitrary.
func NewBuffer(n int) *Buffer {
	for i, size := range bufferSizes {
		if n > size {
			continue
		}
		if v, ok := bufferPools[i].Get().(*Buffer); ok {
			v.B = v.B[:n]
			return v
		}
		return &Buffer{B: make([]byte, n, size), pool: i}
	}
	return &Buffer{B: make([]byte, n), pool: -1}
}

// Free returns the memory to its pool; it must not be used afterwards. A nil
// Buffer is fine.
func (v *Buffer) Free() {
	if v != nil && v.pool >= 0 {
		bufferPools[v.pool].Put(v)
	}
}
