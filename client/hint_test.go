package client_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// hintsOf sums up what the nodes that answer keep.
func hintsOf(t *testing.T, conn *client.Client) (hints int, objects []uint64) {
	t.Helper()
	nodes, err := conn.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		if n.Node == nil {
			continue
		}
		for _, b := range n.Node.Backends {
			hints += b.Hints
			objects = append(objects, b.Objects)
		}
	}
	return hints, objects
}

// TestMissedWritesAreBrought stops a node while its group is written to. What
// it missed is brought to it when it is back, without a reader, even when those
// who remember it were restarted meanwhile.
func TestMissedWritesAreBrought(t *testing.T) {
	c := newCluster(t, 3, 3)
	conn := c.dialWith(client.Config{})
	s := conn.Session(client.SessionOptions{Timeout: 10 * time.Second})
	put(t, s, "before", []byte("before"))
	c.stop(2)
	const missed = 40
	for i := range missed {
		put(t, s, fmt.Sprintf("missed/%d", i), fmt.Appendf(nil, "content %d", i))
	}
	put(t, s, "before", []byte("after"))
	for range 5 { // one hint, however often it is changed
		if _, err := s.Append(t.Context(), name("log"), strings.NewReader("line\n"), 5); err != nil {
			t.Fatal(err)
		}
	}
	soon(t, "the hints are kept", func() bool {
		n, _ := hintsOf(t, conn)
		return n >= missed+2 && n <= 2*(missed+2) // either of two may be asked
	})
	for i := range 2 {
		c.stop(i)
		c.start(i)
	}
	c.start(2)
	soon(t, "the hints are followed", func() bool {
		n, objects := hintsOf(t, conn)
		return n == 0 && len(objects) == 3 && slices.Max(objects) == slices.Min(objects)
	})
	one := conn.Session(client.SessionOptions{Read: foci.One, Timeout: 10 * time.Second})
	c.stop(0)
	c.stop(1) // only the one that was away is left
	for i := range missed {
		if got := get(t, one, fmt.Sprintf("missed/%d", i), client.GetOptions{}); string(got) != fmt.Sprintf("content %d", i) {
			t.Errorf("%d: got %q", i, got)
		}
	}
	if got := get(t, one, "before", client.GetOptions{}); string(got) != "after" {
		t.Errorf("got %q", got)
	}
	if got := get(t, one, "log", client.GetOptions{}); string(got) != strings.Repeat("line\n", 5) {
		t.Errorf("got %q", got)
	}
}
