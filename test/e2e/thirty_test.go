package e2e

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/foci-store/foci/internal/testwait"
	"github.com/foci-store/foci/test/process"
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
	must(t, err)
	c.endWith(t)
	for _, what := range []string{"started", "killed and restarted"} {
		began := time.Now()
		must(t, c.start())
		ready := time.Since(began)
		wholeMesh(t, c, nodes, limit)
		t.Logf("%d nodes %s at once: all serve after %.1f s, each has links to all after %.1f s; %s", nodes, what, ready.Seconds(), time.Since(began).Seconds(), resident(c))
		c.killAll(t)
	}
}

// wholeMesh waits until every node has a link that is up to every other one.
func wholeMesh(t *testing.T, c *cluster, nodes int, limit time.Duration) {
	t.Helper()
	cl := dial(t, c)
	testwait.Until(t, limit, "a whole mesh", func() error {
		all, err := cl.Mesh(t.Context())
		if err != nil {
			return err
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
		if answered < nodes || up < nodes*(nodes-1) {
			return fmt.Errorf("%d of %d nodes answer, with %d links up", answered, nodes, up)
		}
		return nil
	})
	must(t, cl.Close())
}

// resident is the memory of the nodes' processes.
func resident(c *cluster) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum, most, n := int64(0), int64(0), int64(0)
	for _, pid := range c.pids {
		if m, err := process.MemoryOf(pid); err == nil {
			sum, most, n = sum+m.Resident, max(most, m.Resident), n+1
		}
	}
	if n == 0 {
		return "memory unknown"
	}
	return fmt.Sprintf("resident %d MiB a node, %d at most", sum/n>>20, most>>20)
}
