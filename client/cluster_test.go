package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/node"
	"github.com/foci-store/foci/internal/testcluster"
)

// cluster is a few nodes of a test.
type cluster struct {
	*testcluster.Cluster
	t testing.TB
}

// newCluster starts n nodes, each in a group of its own up to groups.
func newCluster(t testing.TB, n, groups int) *cluster {
	t.Helper()
	return newClusterWith(t, n, groups, nil)
}

func newClusterWith(t testing.TB, n, groups int, change func(i int, c *node.Config)) *cluster {
	t.Helper()
	return newClusterIn(t, testcluster.Nodes(n), groups, change)
}

// newClusterIn starts a node for each list of tables, with an address in each.
func newClusterIn(t testing.TB, tables [][]foci.Table, groups int, change func(i int, c *node.Config)) *cluster {
	t.Helper()
	c, err := testcluster.New(testcluster.Config{Dir: t.TempDir(), Tables: tables, Groups: groups, Change: change})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &cluster{c, t}
}

func (c *cluster) start(i int) {
	c.t.Helper()
	if err := c.Start(i); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) stop(i int) {
	c.t.Helper()
	if err := c.Stop(i); err != nil {
		c.t.Errorf("close: %v", err)
	}
}

// dial gives a session of a new client.
func (c *cluster) dial(o client.SessionOptions) *client.Session {
	c.t.Helper()
	return c.dialWith(client.Config{}).Session(o)
}

func (c *cluster) dialWith(cfg client.Config) *client.Client {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	if cfg.Logger = testcluster.Logger(); len(cfg.Remotes) == 0 {
		cfg.Remotes = c.Addrs
	}
	cl, err := client.Dial(ctx, cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := cl.Close(); err != nil {
			c.t.Errorf("close: %v", err)
		}
	})
	return cl
}
