package mesh

import (
	"sync"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// bufferSizes are the sizes in which memory is pooled: one for each usual kind
// of contents, up to the record with the longest payload.
var bufferSizes = [...]int{1 << 10, 4 << 10, 8 << 10, 16 << 10, wire.MaxPiece, wire.MaxFrame, wire.DefWindow, 1 << 20, foci.MaxPayload + 64<<10}

var bufferPools [len(bufferSizes)]sync.Pool

// buffer is pooled memory; b is the part in use.
type buffer struct {
	b    []byte
	pool int // -1: too large to be pooled
}

// stage is how much memory to take for a message of size bytes of which n have
// arrived: hardly ever more than four times as much.
func stage(n, size int64) int64 {
	for _, class := range bufferSizes {
		if n <= int64(class) {
			return min(size, int64(class))
		}
	}
	return min(size, 2*n)
}

func newBuffer(n int) *buffer {
	for i, size := range bufferSizes {
		if n > size {
			continue
		}
		if v, ok := bufferPools[i].Get().(*buffer); ok {
			v.b = v.b[:n]
			return v
		}
		return &buffer{b: make([]byte, n, size), pool: i}
	}
	return &buffer{b: make([]byte, n), pool: -1}
}

// free gives the memory back; nobody may use it any more. A nil buffer is fine.
func (v *buffer) free() {
	if v != nil && v.pool >= 0 {
		bufferPools[v.pool].Put(v)
	}
}
