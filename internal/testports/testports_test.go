package testports

import (
	"fmt"
	"net"
	"testing"
)

// TestReserve: reservations share no port, and one that was released is given
// again.
func TestReserve(t *testing.T) {
	seen := map[int]bool{}
	for range 10 {
		first := Reserve(t, 3)
		for port := first; port < first+3; port++ {
			if seen[port] {
				t.Fatalf("port %d was given twice", port)
			}
			seen[port] = true
			ln, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
		}
	}
}

// TestReserveEnds: when all slots are taken, or too many ports are wanted, that
// is an error.
func TestReserveEnds(t *testing.T) {
	const few = 4 // slots outside of the range that other tests use
	given := 0
	for {
		_, release, err := find(1, 7000, few)
		if err != nil {
			break
		}
		defer release()
		if given++; given > few {
			t.Fatalf("%d slots were given, there are %d", given, few)
		}
	}
	if _, _, err := Find(Most + 1); err == nil {
		t.Error("more ports than a slot has were given")
	}
}
