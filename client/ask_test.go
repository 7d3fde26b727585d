package client_test

import (
	"testing"

	"github.com/foci-store/foci/client"
)

// TestAskAll counts the questions of a get: two of three groups are enough, and
// all are asked by a session that wants that.
func TestAskAll(t *testing.T) {
	c := newCluster(t, 3, 3)
	conn := c.dialWith(client.Config{})
	put(t, conn.Session(client.SessionOptions{}), "key", []byte("content"))
	const gets = 20
	for _, want := range []struct {
		all       bool
		questions uint64
	}{{false, 2 * gets}, {true, 3 * gets}} {
		s := conn.Session(client.SessionOptions{AskAll: want.all})
		before := transmitted(t, conn)
		for range gets {
			get(t, s, "key", client.GetOptions{})
		}
		n := transmitted(t, conn) - before
		if n < want.questions || n > want.questions+gets/2 { // a late one goes to one more
			t.Errorf("AskAll %v: %d gets asked %d questions, want %d", want.all, gets, n, want.questions)
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
