//go:build !race

package mesh

import (
	"testing"

	"github.com/foci-store/foci"
)

// TestAllocations holds a small request to two allocations a side: the request
// and its reply where it is asked, and one for what came in where it is served.
// The race detector allocates too.
func TestAllocations(t *testing.T) {
	server, client := startNode(t, 1), startClient(t, oneChannel)
	l := connect(t, client, server, false)
	head := make([]byte, 64)
	call := func() {
		if _, err := l.Call(t.Context(), foci.Reg, methodEcho, head, nil); err != nil {
			t.Fatal(err)
		}
	}
	call()
	if n := testing.AllocsPerRun(2000, call); n > 4 {
		t.Errorf("%v allocations for a request and its reply, both sides: want at most 4", n)
	}
}
