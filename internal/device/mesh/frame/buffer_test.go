package frame

import (
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// TestBuffers: pooled memory has the length that was asked for.
func TestBuffers(t *testing.T) {
	for _, n := range []int{0, 1, 1 << 10, 1<<10 + 1, MaxFrame, foci.MaxPayload, wire.MaxBody} {
		for range 3 {
			v := NewBuffer(n)
			if len(v.B) != n {
				t.Fatalf("%d bytes, want %d", len(v.B), n)
			}
			v.Free()
		}
	}
}
