package client_test

import (
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// TestTrace puts an object while one of three nodes is away, and finds every
// step of that at whoever took it.
func TestTrace(t *testing.T) {
	c := newCluster(t, 3, 3)
	conn := c.dialWith(client.Config{})
	c.stop(2)
	s := conn.Session(client.SessionOptions{Timeout: 10 * time.Second})
	id := foci.TraceID(0xabcdef0123456789).Note()
	if _, err := s.Put(client.WithTrace(t.Context(), id), name("traced"), strings.NewReader("x"), 1, client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	put(t, s, "other", []byte("y"))
	var text string
	soon(t, "the steps are there", func() bool {
		steps, err := conn.Trace(t.Context(), id)
		if foci.KindOf(err) != foci.Unreachable {
			t.Fatalf("one node cannot be asked, the error is %v", err)
		}
		var b strings.Builder
		for _, s := range steps {
			b.WriteString(s.Name + ": " + s.What + "\n")
		}
		text = b.String()
		return strings.Contains(text, "hint for group")
	})
	for _, want := range []string{
		"client: attempt 1 of store for group 1", "client: attempt 1 for group 2: answered",
		"n1: store for group 1 came from a client", "n2: record", "fsynced and visible after",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no step says %q:\n%s", want, text)
		}
	}
	if n := strings.Count(text, "n1: record"); n != 1 {
		t.Errorf("n1 has %d records of the trace, want 1: %s", n, text)
	}
	if steps, _ := conn.Trace(t.Context(), id+2); len(steps) != 0 {
		t.Errorf("another trace has %d steps", len(steps))
	}
}
