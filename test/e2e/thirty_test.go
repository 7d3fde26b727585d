package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci/client"
)

// TestManyNodesAtOnce starts many processes at the same moment, kills them all
// and starts them again: each time the whole mesh is soon there. With
// FOCI_E2E=full there are thirty.
func TestManyNodesAtOnce(t *testing.T) {
	nodes, limit := 8, patience
	if full() {
		nodes = 30
	}
	c, err := newCluster(filepath.Join(t.TempDir(), "cluster"), nodes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.stop()
		if t.Failed() {
			t.Logf("foci up said:\n%s", c.stderr)
		}
	})
	for _, what := range []string{"started", "killed and restarted"} {
		began := time.Now()
		if err := c.start(); err != nil {
			t.Fatal(err)
		}
		ready := time.Since(began)
		wholeMesh(t, c, nodes, limit)
		t.Logf("%d nodes %s at once: all serve after %.1f s, each has links to all after %.1f s; %s", nodes, what, ready.Seconds(), time.Since(began).Seconds(), resident(c))
		c.killAll()
	}
}

// wholeMesh waits until every node has a link that is up to every other one.
func wholeMesh(t *testing.T, c *cluster, nodes int, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cl, err := client.Dial(ctx, client.Config{Remotes: c.remotes()[:1], Credential: filepath.Join(c.dir, "client.credential"), Timeout: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for {
		all, err := cl.Mesh(ctx)
		if err != nil {
			t.Fatalf("the mesh is not whole in %v: %v", limit, err)
		}
		up, answered := 0, 0
		for _, p := range all {
			if p.Self || p.Is == nil {
				continue
			}
			answered++
			for _, l := range p.Is.Links {
				if l.Up {
					up++
				}
			}
		}
		if answered == nodes && up == nodes*(nodes-1) {
			return
		}
		time.Sleep(50 * time.Millisecond) // looked at again; every look costs the nodes something
	}
}

// resident is the memory of the node's processes, from /proc.
func resident(c *cluster) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum, most, n := 0, 0, 0
	for _, pid := range c.pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			var kb int
			if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); err == nil {
				sum, most, n = sum+kb, max(most, kb), n+1
			}
		}
	}
	if n == 0 {
		return "memory unknown"
	}
	return fmt.Sprintf("resident %d MiB a node, %d at most", sum/n/1024, most/1024)
}
