package client_test

import (
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// TestAskAll counts the version queries of a read: two of three groups are
// enough, and a session with AskAll asks all of them. The object does not exist,
// so no request for content is counted.
func TestAskAll(t *testing.T) {
	c := newCluster(t, 3, 3)
	conn := c.dialWith(client.Config{})
	const reads = 20
	for _, want := range []struct {
		ask       client.AskMode
		questions uint64
	}{{0, 2 * reads}, {client.AskAll, 3 * reads}} {
		s := conn.Session(client.SessionOptions{Ask: want.ask})
		before := transmitted(t, conn)
		for range reads {
			if _, err := s.Stat(t.Context(), name("missing")); foci.KindOf(err) != foci.NotFound {
				t.Fatal("stat of a missing key:", err)
			}
		}
		n := transmitted(t, conn) - before
		if n < want.questions || n > want.questions+reads/2 { // a late one goes to one more
			t.Errorf("mode %v: %d reads asked %d questions, want %d", want.ask, reads, n, want.questions)
		}
	}
}

func transmitted(t *testing.T, conn *client.Client) uint64 {
	t.Helper()
	all, err := conn.Txns(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Self {
			return p.Is.Counters.Transmitted
		}
	}
	t.Fatal("the client does not speak of itself")
	return 0
}
