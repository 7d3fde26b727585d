// Package testports gives tests ports that stay theirs.
//
// A test of a cluster has to know the ports of its nodes before they listen, and
// again when a node is restarted. To listen on port 0 and close leaves a gap in
// which the system gives the port to a connection of another process, because it
// takes both from the same range. The ports here are below that range, and a
// slot of them is held, against other tests and other processes, by a listener
// on its last port.
package testports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The slots lie between the ports of well-known services and those that the
// system gives to connections, which begin at 32768 on Linux.
const (
	low      = 10000
	high     = 32768
	slotSize = 64
	slots    = (high - low) / slotSize
)

// Most is how many ports one reservation may have.
const Most = slotSize - 1

// Reserve is the first of n ports in a row on which nobody listens at 127.0.0.1.
// No other test gets them before this one is over.
func Reserve(t testing.TB, n int) (first int) {
	t.Helper()
	first, release, err := Find(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return first
}

// Addr is one reserved address, as host:port.
func Addr(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", Reserve(t, 1))
}

// Find is Reserve for what outlasts a test: the ports are held until release.
func Find(n int) (first int, release func(), err error) { return find(n, low, slots) }

// find looks in so many slots from the port low on.
func find(n, low, slots int) (first int, release func(), err error) {
	if n > Most {
		return 0, nil, fmt.Errorf("%d ports in a row: at most %d", n, Most)
	}
	start := rand.IntN(slots)
	for i := range slots {
		first = low + (start+i)%slots*slotSize
		held, err := listen(first + Most)
		if err != nil {
			continue // another test has it
		}
		if allFree(first, n) {
			return first, func() { _ = held.Close() }, nil
		}
		_ = held.Close() // nothing was accepted
	}
	return 0, nil, fmt.Errorf("no slot of %d free ports between %d and %d", n, low, low+slots*slotSize)
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
}

// allFree reports whether nobody listens on any of n ports.
func allFree(first, n int) bool {
	for i := range n {
		ln, err := listen(first + i)
		if err != nil {
			return false
		}
		_ = ln.Close() // nothing was accepted
	}
	return true
}
