package lab

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// endured checks what must hold after every scenario of this file: nothing
// acknowledged is lost, nothing is doubled, every error said what happened, and
// the nodes have their sizes again.
func endured(c *Cluster, cl *client.Client, load *Load, lines *Lines, before map[string]Size) {
	c.lab.t.Helper()
	c.AwaitWhole(20 * time.Second)
	load.ReadBack()
	lines.ReadBack()
	for kind := range load.errs {
		if kind == foci.Internal {
			c.lab.t.Errorf("a put failed without saying why: %v", load.first)
		}
	}
	c.lab.Eventually(30*time.Second, "hints are followed", func() error { return noHints(c.lab.t, cl) })
	c.NothingKept(before)
	failed, first := load.Failed()
	c.lab.t.Logf("%d puts were acknowledged, %d failed, the first: %v", load.Acked(), failed, first)
}

// noHints reports hints that are still kept.
func noHints(t testing.TB, cl *client.Client) error {
	nodes, err := cl.Nodes(t.Context())
	for _, n := range nodes {
		if n.Node == nil {
			return fmt.Errorf("node %s does not answer: %s", n.Name, n.Error)
		}
		for _, b := range n.Node.Backends {
			if b.Hints > 0 {
				err = fmt.Errorf("node %s keeps %d", n.Name, b.Hints)
			}
		}
	}
	return err
}

// underLoad starts three nodes and a client that puts and appends.
func underLoad(t *testing.T, l *Lab, c *Cluster, timeout time.Duration) (*client.Client, *Load, *Lines, map[string]Size) {
	t.Helper()
	cl := c.Dial()
	c.AwaitWhole(10 * time.Second)
	load, lines := l.Load(cl, "puts", timeout), l.Lines(cl, "lines", timeout)
	load.Progress(l, 200, 20*time.Second)
	return cl, load, lines, c.Sizes()
}

// TestEachNodeStopped stops each node in turn, for a blink and for longer than
// anybody waits.
func TestEachNodeStopped(t *testing.T) {
	t.Parallel()
	l := New(t)
	c := l.Cluster("a", "b", "c")
	cl, load, lines, before := underLoad(t, l, c, 20*time.Second)
	stops := []time.Duration{100 * time.Millisecond, time.Second, 5 * time.Second}
	if Full() {
		stops = append(stops, 20*time.Second, 60*time.Second)
	}
	for _, d := range stops {
		for _, name := range []string{"a", "b", "c"} {
			c.Node(name).Freeze()
			l.Pass(d)
			c.Node(name).Thaw()
			load.Progress(l, 20, 10*time.Second)
		}
	}
	endured(c, cl, load, lines, before)
	if n, err := load.Failed(); n > 0 {
		t.Errorf("%d puts failed although two of three nodes always ran, the first: %v", n, err)
	}
}

// TestOneWayLoss loses all, then a part, of what goes one way only.
func TestOneWayLoss(t *testing.T) {
	t.Parallel()
	l := New(t)
	c := l.Cluster("a", "b", "c")
	cl, load, lines, before := underLoad(t, l, c, 20*time.Second)
	for _, name := range []string{"a", "b", "c"} {
		other := map[string]string{"a": "b", "b": "c", "c": "a"}[name]
		cut := l.CutOneWay(c.Host(name), c.Host(other))
		load.Progress(l, 50, 15*time.Second)
		l.Pass(2 * time.Second)
		cut.Heal()
		loss := l.Loss(c.Host(name), 0.2)
		load.Progress(l, 20, 20*time.Second)
		loss.Heal()
	}
	endured(c, cl, load, lines, before)
}

// TestResetStorm resets the client's connections, one after the other, as fast
// as they are found.
func TestResetStorm(t *testing.T) {
	t.Parallel()
	l := New(t)
	c := l.Cluster("a", "b", "c")
	cl, load, lines, before := underLoad(t, l, c, 20*time.Second)
	resets, end := 0, time.Now().Add(5*time.Second)
	if Full() {
		end = time.Now().Add(60 * time.Second)
	}
	for time.Now().Before(end) {
		h := c.hosts[rand.IntN(len(c.hosts))]
		port, ok := someConnection(t, cl, h)
		if !ok {
			continue
		}
		storm := l.breaks(map[*Host][]string{h: {fmt.Sprintf("tcp sport %d tcp dport %d reject with tcp reset", port, nodePort)}})
		l.Pass(20 * time.Millisecond)
		storm.Heal()
		resets++
	}
	load.Progress(l, 100, 20*time.Second)
	endured(c, cl, load, lines, before)
	if n, err := load.Failed(); n > 0 {
		t.Errorf("%d puts failed, the first: %v", n, err)
	}
	t.Logf("%d connections were reset", resets)
}

// someConnection is the client's port of one of its connections to a host.
func someConnection(t *testing.T, cl *client.Client, h *Host) (int, bool) {
	t.Helper()
	var ports []int
	all, err := cl.Mesh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if !p.Self {
			continue
		}
		for _, k := range p.Is.Links {
			for _, ch := range k.Channels {
				at, _, err := net.SplitHostPort(ch.Peer.Addr)
				_, port, err2 := net.SplitHostPort(ch.Local)
				if err == nil && err2 == nil && at == h.Addr().String() {
					n, _ := strconv.Atoi(port) // it is one
					ports = append(ports, n)
				}
			}
		}
	}
	if len(ports) == 0 {
		return 0, false
	}
	return ports[rand.IntN(len(ports))], true
}

// TestDiskFull fills the disk of the node that is to store, and then of one
// that keeps hints for it. When there is room again everything goes on, and all
// nodes have the same.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	l := New(t)
	c := l.Planned("", "a", "b", "c")
	for _, h := range c.hosts {
		h.SmallDisk(192 << 20)
	}
	c.Start()
	cl, load, lines, before := underLoad(t, l, c, 5*time.Second)
	first := c.Host("a").Fill()
	load.Progress(l, 100, 20*time.Second)
	second := c.Host("b").Fill() // no quorum can write now
	l.Pass(2 * time.Second)
	for _, file := range []string{second, first} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	load.Progress(l, 100, 20*time.Second)
	endured(c, cl, load, lines, before)
}

// TestClientStopped stops a client in the middle of its work, for longer than
// nodes wait for it.
func TestClientStopped(t *testing.T) {
	t.Parallel()
	l := New(t)
	c := l.Cluster("a", "b", "c")
	c.AwaitWhole(10 * time.Second)
	tree := t.TempDir()
	for i := range 400 {
		if err := os.WriteFile(filepath.Join(tree, fmt.Sprintf("file-%d", i)), loadBytes(int64(i)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before := c.Sizes()
	h := l.Host("client")
	cp := h.Start("cp", "-r", tree, "foci://tree", "--remote", c.Host("a").Remote(), "--credential", c.credential())
	l.Pass(150 * time.Millisecond)
	cp.Freeze()
	stop := 5 * time.Second
	if Full() {
		stop = time.Minute
	}
	l.Pass(stop)
	cp.Thaw()
	if err := cp.Wait(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	cl := c.Dial()
	s := cl.Session(client.SessionOptions{Timeout: 10 * time.Second})
	for i := range 400 {
		if err := same(t, s, foci.Name{Bucket: "tree", Key: fmt.Sprintf("file-%d", i)}, loadBytes(int64(i))); err != nil {
			t.Errorf("file %d: %v", i, err)
		}
	}
	c.NotGrown(before)
}
