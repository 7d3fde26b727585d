package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// awayFor is how long a node is away.
func awayFor() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("FOCI_AWAY")); err == nil {
		return d
	}
	return 2 * time.Second
}

// upAt says when a client has a channel to a node.
func upAt(ctx context.Context, cl *client.Client, node foci.NodeID) time.Time {
	now, stop := context.WithCancel(ctx)
	stop() // only this process is to answer
	for ctx.Err() == nil {
		all, _ := cl.Mesh(now)
		for _, l := range all[0].Is.Links {
			if l.Peer.Node == node && l.Up {
				return time.Now()
			}
		}
		pause(ctx, time.Millisecond)
	}
	return time.Time{}
}

// nodeID finds a node by name.
func nodeID(t *testing.T, cl *client.Client, name string) foci.NodeID {
	t.Helper()
	nodes, err := cl.Nodes(t.Context())
	i := slices.IndexFunc(nodes, func(n client.NodeStatus) bool { return n.Name == name })
	if err != nil || i < 0 {
		t.Fatalf("no node %s: %v", name, err)
	}
	return nodes[i].ID
}

// TestBack has 5,000 puts wait for all groups while one node is away. When it is
// back they are acknowledged without an error, each made once, and a newer put
// of the same key comes after the one that waited. FOCI_AWAY says for how long.
func TestBack(t *testing.T) {
	const puts = 5000
	c := startCluster(t)
	cl := dial(t, c)
	s := cl.Session(client.SessionOptions{Ack: foci.All, Timeout: 2 * time.Minute})
	if _, err := s.Put(t.Context(), objectName(0), strings.NewReader("x"), 1, client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	node := nodeID(t, cl, "n2")
	if err := c.kill("n2"); err != nil {
		t.Fatal(err)
	}
	var acked, failed atomic.Int64
	var first, last atomic.Int64 // times of acknowledgements
	var all sync.WaitGroup
	ended := func(_ client.Result, err error) {
		defer all.Done()
		if err != nil {
			if failed.Add(1) < 10 {
				t.Error(err)
			}
			return
		}
		at := time.Now().UnixNano()
		first.CompareAndSwap(0, at)
		last.Store(at)
		acked.Add(1)
	}
	all.Add(puts + 1)
	for i := range puts {
		text := fmt.Sprintf("content %d", i)
		s.PutAsync(t.Context(), backName(i), strings.NewReader(text), int64(len(text)), client.PutOptions{}, ended)
	}
	newer := s.PutAsync(t.Context(), backName(7), strings.NewReader("newer"), 5, client.PutOptions{}, ended)
	pause(t.Context(), awayFor())
	if n := acked.Load(); n > 0 {
		t.Fatalf("%d puts were acknowledged by all while a node was away", n)
	}
	up := make(chan time.Time, 1)
	go func() { up <- upAt(t.Context(), cl, node) }()
	if err := c.serve("n2"); err != nil {
		t.Fatal(err)
	}
	back := <-up
	all.Wait()
	t.Logf("%d acknowledged; the first %v and the last %v after the handshake", acked.Load(),
		time.Unix(0, first.Load()).Sub(back).Round(time.Millisecond), time.Unix(0, last.Load()).Sub(back).Round(time.Millisecond))
	once(t, s, puts, newer)
}

func backName(i int) foci.Name { return foci.Name{Bucket: "back", Key: fmt.Sprintf("k%04d", i)} }

// once reads everything back: each put was made once, and the newer one last.
func once(t *testing.T, s *client.Session, puts int, newer *client.Future[client.Result]) {
	t.Helper()
	for i := range puts {
		n, want := 0, 1
		if i == 7 {
			want = 2
		}
		for _, err := range s.History(t.Context(), backName(i)) {
			if n++; err != nil {
				t.Fatal(err)
			}
		}
		if n != want {
			t.Errorf("%d: %d transactions, want %d", i, n, want)
		}
	}
	r, err := newer.Result()
	info, err2 := s.Stat(t.Context(), backName(7))
	if err = errors.Join(err, err2); err != nil || info.Version != r.Version || info.Size != 5 {
		t.Errorf("the newer put is %v, the object %+v: %v", r.Version, info, err)
	}
}
