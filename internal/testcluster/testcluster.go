// Package testcluster runs a few nodes in one process, on loopback and real disks,
// for tests and examples of what is built on a client.
package testcluster

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/node"
	"github.com/foci-store/foci/internal/testports"
)

// Config is what a cluster consists of.
type Config struct {
	Dir    string                        // for the nodes' files
	Tables [][]foci.Table                // of each node: it has an address in each
	Groups int                           // the nodes are in these in turn
	Change func(i int, cfg *node.Config) // of a node that is about to start; may be nil
}

// Nodes is n nodes with one address each.
func Nodes(n int) [][]foci.Table { return slices.Repeat([][]foci.Table{{0}}, n) }

// Cluster is one that runs. It is not safe for concurrent use.
type Cluster struct {
	Layout  *layout.Layout
	Nodes   []*node.Node // nil: it is down
	Addrs   []string     // to dial the nodes by
	cfg     Config
	release func() // of the ports
}

// New starts a cluster.
func New(cfg Config) (*Cluster, error) {
	first, release, err := testports.Find(len(slices.Concat(cfg.Tables...)))
	if err != nil {
		return nil, err
	}
	c := &Cluster{Nodes: make([]*node.Node, len(cfg.Tables)), cfg: cfg, release: release}
	if err := c.init(first); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) init(port int) error {
	plan := &layout.Plan{Cluster: "test"}
	for i, in := range c.cfg.Tables {
		n := layout.PlanNode{Name: Name(i), Backends: []layout.PlanBackend{{Group: foci.Group(i%c.cfg.Groups + 1)}}}
		for _, table := range in {
			a, err := route.ParseAddress(fmt.Sprintf("127.0.0.%d:%d:2-%d", 1+table, port, table)) // another host for each table
			if err != nil {
				return err
			}
			n.Addrs = append(n.Addrs, a)
			port++
		}
		c.Addrs = append(c.Addrs, n.Addrs[0].Remote().String())
		plan.Nodes = append(plan.Nodes, n)
	}
	var err error
	if c.Layout, err = layout.Init(plan, rand.Reader); err != nil {
		return err
	}
	for i := range c.Nodes {
		if err := c.Start(i); err != nil {
			return err
		}
	}
	return nil
}

// Name is what the layout calls a node.
func Name(i int) string { return fmt.Sprintf("n%d", i+1) }

// Dir is where the files of a node are.
func (c *Cluster) Dir(i int) string { return filepath.Join(c.cfg.Dir, Name(i)) }

// Start starts a node that is down.
func (c *Cluster) Start(i int) (err error) {
	cfg := node.Config{
		Cluster: "test", Dir: c.Dir(i), Name: Name(i),
		Layout: c.Layout, Role: foci.RoleData, Grace: 100 * time.Millisecond, Logger: Logger(),
	}
	if c.cfg.Change != nil {
		c.cfg.Change(i, &cfg)
	}
	c.Nodes[i], err = node.New(cfg)
	return err
}

// Stop stops a node, unless it is down.
func (c *Cluster) Stop(i int) error {
	n := c.Nodes[i]
	if n == nil {
		return nil
	}
	c.Nodes[i] = nil
	return n.Close()
}

// Close stops all nodes.
func (c *Cluster) Close() error {
	var errs []error
	for i := range c.Nodes {
		errs = append(errs, c.Stop(i))
	}
	c.release()
	return errors.Join(errs...)
}

// Logger is what nodes and clients of tests log to: nothing, unless FOCI_TEST_LOG
// is set.
func Logger() *slog.Logger {
	if os.Getenv("FOCI_TEST_LOG") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
