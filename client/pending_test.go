package client_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// TestMemoryOfPending measures what a put costs that waits for a node, all in
// all: its future, its record, the quorum's view of it and its legs.
func TestMemoryOfPending(t *testing.T) {
	c := newCluster(t, 3, 3)
	const puts = 20_000
	s := c.dial(client.SessionOptions{Ack: foci.All, Timeout: time.Minute})
	put(t, s, "first", []byte("x"))
	c.stop(1)
	before := heap()
	futures := make([]*client.Future[client.Result], puts)
	for i := range futures {
		futures[i] = s.PutAsync(t.Context(), name(fmt.Sprint(i)), strings.NewReader("x"), 1, client.PutOptions{}, nil)
	}
	each := awaitParked(t, s, puts, before) / puts
	t.Logf("%d bytes a pending put", each)
	if each > 6<<10 {
		t.Errorf("a pending put takes %d bytes", each)
	}
	for _, f := range futures {
		f.Cancel()
	}
}
