package client_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/node"
	"github.com/foci-store/foci/internal/testports"
)

// cluster is a few nodes in this process, on loopback and real disks.
type cluster struct {
	t      testing.TB
	dir    string
	layout *layout.Layout
	nodes  []*node.Node // nil: it is down
	addrs  []string
	change func(i int, c *node.Config) // of a node that is about to start; may be nil
}

// newCluster starts n nodes, each in a group of its own up to groups.
func newCluster(t testing.TB, n, groups int) *cluster {
	t.Helper()
	return newClusterWith(t, n, groups, nil)
}

func newClusterWith(t testing.TB, n, groups int, change func(i int, c *node.Config)) *cluster {
	t.Helper()
	tables := make([][]foci.Table, n)
	for i := range tables {
		tables[i] = []foci.Table{0}
	}
	return newClusterIn(t, tables, groups, change)
}

// newClusterIn starts a node for each list of tables, with an address in each.
func newClusterIn(t testing.TB, tables [][]foci.Table, groups int, change func(i int, c *node.Config)) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), change: change}
	plan := planIn(t, tables, groups)
	for _, n := range plan.Nodes {
		c.addrs = append(c.addrs, n.Addrs[0].Remote().String())
	}
	var err error
	if c.layout, err = layout.Init(plan, rand.Reader); err != nil {
		t.Fatal(err)
	}
	c.nodes = make([]*node.Node, len(tables))
	for i := range c.nodes {
		c.start(i)
	}
	t.Cleanup(func() {
		for i := range c.nodes {
			c.stop(i)
		}
	})
	return c
}

func planIn(t testing.TB, tables [][]foci.Table, groups int) *layout.Plan {
	t.Helper()
	plan := &layout.Plan{Cluster: "test"}
	port := testports.Reserve(t, len(slices.Concat(tables...)))
	for i, in := range tables {
		n := layout.PlanNode{Name: fmt.Sprintf("n%d", i+1), Backends: []layout.PlanBackend{{Group: foci.Group(i%groups + 1)}}}
		for _, table := range in {
			n.Addrs = append(n.Addrs, address(t, port, table))
			port++
		}
		plan.Nodes = append(plan.Nodes, n)
	}
	return plan
}

// address is one of loopback's, another host for each table.
func address(t testing.TB, port int, table foci.Table) route.Address {
	t.Helper()
	a, err := route.ParseAddress(fmt.Sprintf("127.0.0.%d:%d:2-%d", 1+table, port, table))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (c *cluster) start(i int) {
	c.t.Helper()
	cfg := node.Config{
		Cluster: "test", Dir: filepath.Join(c.dir, fmt.Sprintf("n%d", i+1)), Name: fmt.Sprintf("n%d", i+1),
		Layout: c.layout, Role: foci.RoleData, Grace: 100 * time.Millisecond, Logger: logger(),
	}
	if c.change != nil {
		c.change(i, &cfg)
	}
	n, err := node.New(cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	c.nodes[i] = n
}

func (c *cluster) stop(i int) {
	if c.nodes[i] == nil {
		return
	}
	if err := c.nodes[i].Close(); err != nil {
		c.t.Errorf("close: %v", err)
	}
	c.nodes[i] = nil
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
	if cfg.Logger = logger(); len(cfg.Remotes) == 0 {
		cfg.Remotes = c.addrs
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

func logger() *slog.Logger {
	if os.Getenv("FOCI_TEST_LOG") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
