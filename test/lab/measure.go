package lab

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Metrics are values by name and labels, as in
// `foci_mesh_link_up{peer="b"}`.
type Metrics map[string]float64

// scraper keeps no connection, so that it never meets one that a fault broke.
var scraper = &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// Metrics are what the node on the host shows at this moment.
func (h *Host) Metrics() (Metrics, error) {
	q, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://%v:%d/metrics", h.Addr(), metricsPort), nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Authorization", "Bearer "+metricsToken)
	r, err := scraper.Do(q)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil || r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("metrics of %s: status %d, %w", h.name, r.StatusCode, err)
	}
	m := Metrics{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if m[line[:at]], err = strconv.ParseFloat(line[at+1:], 64); err != nil {
			return nil, fmt.Errorf("metrics of %s: %q: %w", h.name, line, err)
		}
	}
	return m, nil
}

// Linked reports whether the node has a link to the node of that name.
func (m Metrics) Linked(name string) bool {
	return m[fmt.Sprintf("foci_mesh_link_up{peer=%q}", name)] == 1
}

// Unlinked reports which of the cluster's other nodes still have a link to one.
// Each is asked by itself: what one of them does not answer harms nothing.
func (c *Cluster) Unlinked(name string) error {
	for _, h := range c.hosts {
		if h.name == name {
			continue
		}
		m, err := h.Metrics()
		if err != nil {
			return err
		}
		if m.Linked(name) {
			return fmt.Errorf("%s still has a link to %s", h.name, name)
		}
	}
	return nil
}

// Alone reports whether a node still has links.
func (c *Cluster) Alone(name string) error {
	m, err := c.Host(name).Metrics()
	if err != nil {
		return err
	}
	for _, h := range c.hosts {
		if m.Linked(h.name) {
			return fmt.Errorf("%s still has a link to %s", name, h.name)
		}
	}
	return nil
}

// Whole reports what a full mesh of the cluster's nodes lacks.
func (c *Cluster) Whole() error {
	for _, from := range c.hosts {
		m, err := from.Metrics()
		if err != nil {
			return err
		}
		for _, to := range c.hosts {
			if from != to && !m.Linked(to.name) {
				return fmt.Errorf("%s has no link to %s", from.name, to.name)
			}
		}
	}
	return nil
}

// AwaitWhole waits until the mesh is whole and returns how long that took.
func (c *Cluster) AwaitWhole(within time.Duration) time.Duration {
	c.lab.t.Helper()
	return c.lab.Eventually(within, "a whole mesh", c.Whole)
}

// Size is what a process takes.
type Size struct {
	Memory     int64 // resident, bytes
	Live       int64 // of the heap, what the last collection found in use, bytes
	Goroutines int
}

// String is for people.
func (s Size) String() string {
	return fmt.Sprintf("%d MiB, %d goroutines", s.Memory>>20, s.Goroutines)
}

// Sizes are those of all nodes that run, by name.
func (c *Cluster) Sizes() map[string]Size {
	c.lab.t.Helper()
	sizes := map[string]Size{}
	for _, h := range c.hosts {
		m, err := h.Metrics()
		if err != nil {
			c.lab.t.Fatal(err)
		}
		sizes[h.name] = Size{Memory: c.nodes[h].Memory(), Live: int64(m["go_memstats_next_gc_bytes"]) / 2, Goroutines: int(m["go_goroutines"])}
	}
	return sizes
}

// NotGrown fails the test when a node takes much more than before.
func (c *Cluster) NotGrown(before map[string]Size) {
	c.lab.t.Helper()
	const memory, goroutines = 32 << 20, 20
	for name, now := range c.Sizes() {
		c.lab.t.Logf("%s: %v, then %v", name, before[name], now)
		if now.Memory-before[name].Memory > memory || now.Goroutines-before[name].Goroutines > goroutines {
			c.lab.t.Errorf("%s has grown from %v to %v", name, before[name], now)
		}
	}
}

// NothingKept fails the test when a node keeps much more in use than before.
// What it took from the system meanwhile, to catch up in bursts, does not count.
func (c *Cluster) NothingKept(before map[string]Size) {
	c.lab.t.Helper()
	const live, goroutines = 64 << 20, 20 // a node that catches up holds up to 60 MiB of what it lacks
	for name, now := range c.Sizes() {
		c.lab.t.Logf("%s: %v, then %v; in use %d MiB, then %d MiB", name, before[name], now, before[name].Live>>20, now.Live>>20)
		if now.Live-before[name].Live > live || now.Goroutines-before[name].Goroutines > goroutines {
			c.lab.t.Errorf("%s keeps more in use: %d MiB, then %d MiB; %v, then %v", name, before[name].Live>>20, now.Live>>20, before[name], now)
		}
	}
}
