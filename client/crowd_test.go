package client_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci/client"
)

// TestCrowdReturns: many clients wait for one node with puts under way. When it
// is back they all come at once; it is not drowned, and every put is acknowledged.
// FOCI_CROWD says how many clients.
func TestCrowdReturns(t *testing.T) {
	crowd := 100
	if n, err := strconv.Atoi(os.Getenv("FOCI_CROWD")); err == nil {
		crowd = n
	}
	const each = 10
	c := newCluster(t, 1, 1)
	clients := dialCrowd(t, c, crowd)
	var wg sync.WaitGroup
	c.stop(0)
	before := heap()
	var failed atomic.Int32
	for i, cl := range clients {
		s := cl.Session(client.SessionOptions{})
		for k := range each {
			wg.Add(1)
			s.PutAsync(t.Context(), name(fmt.Sprintf("%d/%d", i, k)), strings.NewReader("x"), 1, client.PutOptions{}, func(_ client.Result, err error) {
				defer wg.Done()
				if err != nil && failed.Add(1) < 10 {
					t.Error(err)
				}
			})
		}
	}
	began := time.Now()
	c.start(0)
	wg.Wait()
	took := time.Since(began)
	after := heap()
	keys := 0
	for _, err := range clients[0].Session(client.SessionOptions{}).List(t.Context(), "test-bucket", client.ListOptions{}) {
		if keys++; err != nil {
			t.Fatal(err)
		}
	}
	all, err := clients[0].Nodes(t.Context())
	if err != nil || keys != crowd*each || len(all) != 1 || all[0].Node == nil {
		t.Errorf("%d keys, want %d: %v", keys, crowd*each, err)
	}
	grown := (int64(after) - int64(before)) >> 20
	t.Logf("%d puts of %d clients acknowledged %v after the node's start; %d MiB more in use", crowd*each, crowd, took.Round(time.Millisecond), grown)
	if limit := int64(64 + crowd); grown > limit { // both ends of every channel are in this process
		t.Errorf("%d MiB more in use, want at most %d", grown, limit)
	}
}

// dialCrowd dials many clients, some at a time.
func dialCrowd(t *testing.T, c *cluster, crowd int) []*client.Client {
	t.Helper()
	clients := make([]*client.Client, crowd)
	var wg sync.WaitGroup
	room := make(chan struct{}, 32)
	for i := range clients {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cl, err := client.Dial(ctx, client.Config{Remotes: c.Addrs, Timeout: 2 * time.Minute})
			if err != nil {
				t.Error(err)
				return
			}
			clients[i] = cl
		})
	}
	if wg.Wait(); t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() {
		var all sync.WaitGroup
		for _, cl := range clients {
			all.Go(func() { _ = cl.Close() })
		}
		all.Wait()
	})
	return clients
}
