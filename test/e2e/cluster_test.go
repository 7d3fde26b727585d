package e2e

import (
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/foci-store/foci/internal/testports"
	"github.com/foci-store/foci/internal/testwait"
	"github.com/foci-store/foci/test/process"
)

// binary is foci, built once for all tests; configHome is their configuration directory.
var binary, configHome string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "foci-e2e-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary, err = process.Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// No test touches the configuration of the user who runs it.
	configHome = filepath.Join(dir, "config")
	if err := os.Setenv("XDG_CONFIG_HOME", configHome); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// full reports whether tests take their full sizes.
func full() bool { return os.Getenv("FOCI_E2E") == "full" }

// patience bounds every wait for something that must happen.
const patience = 90 * time.Second

// cluster is foci up and the processes that it started.
type cluster struct {
	dir  string
	port int
	size int      // nodes
	args []string // of up, beyond directory, port and size

	cmd    *exec.Cmd
	events chan process.Event
	ended  chan struct{}
	stderr *safeBuffer

	mu   sync.Mutex
	pids map[string]int       // of running nodes, by name
	solo map[string]*exec.Cmd // nodes that were started again by hand
}

// newCluster chooses ports for a cluster in dir; start starts it.
func newCluster(dir string, nodes int, args ...string) (*cluster, error) {
	port, err := freePorts(nodes)
	if err != nil {
		return nil, err
	}
	return &cluster{dir: dir, port: port, size: nodes, args: args, stderr: &safeBuffer{}, solo: map[string]*exec.Cmd{}}, nil
}

// startCluster is a cluster of three nodes, stopped when the test ends.
func startCluster(t *testing.T, args ...string) *cluster {
	t.Helper()
	c, err := newCluster(filepath.Join(t.TempDir(), "cluster"), 3, args...)
	must(t, err)
	c.endWith(t)
	must(t, c.start())
	return c
}

// endWith stops the cluster when the test ends, and shows what its processes said
// if the test failed.
func (c *cluster) endWith(t *testing.T) {
	t.Cleanup(func() {
		c.stop()
		if t.Failed() {
			t.Logf("the nodes said:\n%s", c.stderr)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start runs foci up and returns when it is ready.
func (c *cluster) start() error {
	args := append([]string{"up", "--json", "--dir", c.dir, "--port", strconv.Itoa(c.port), "--nodes", strconv.Itoa(c.size)}, c.args...)
	c.cmd = exec.Command(binary, args...)
	c.cmd.Stderr = c.stderr
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	c.events, c.ended = make(chan process.Event, 64), make(chan struct{})
	go c.read(stdout)
	ready, err := c.await(process.Ready, "")
	if err != nil {
		c.stop()
		return fmt.Errorf("%w; foci up said:\n%s", err, c.stderr)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pids = map[string]int{}
	for _, n := range ready.Nodes {
		c.pids[n.Name] = n.PID
	}
	return nil
}

func (c *cluster) read(stdout io.Reader) {
	defer close(c.ended)
	process.Events(stdout, func(e process.Event) { c.events <- e })
	_ = c.cmd.Wait()
}

// await takes events until one of that kind, about that node unless it is "".
func (c *cluster) await(kind, node string) (process.Event, error) {
	deadline := time.After(patience)
	for {
		select {
		case e := <-c.events:
			if e.Event == kind && (node == "" || e.Node == node) {
				return e, nil
			}
		case <-c.ended:
			return process.Event{}, fmt.Errorf("foci up ended before %q", kind)
		case <-deadline:
			return process.Event{}, fmt.Errorf("no %q within %v", kind, patience)
		}
	}
}

// remotes is what clients contact: all nodes, so that any may be down.
func (c *cluster) remotes() []string {
	var out []string
	for i := range c.size {
		out = append(out, fmt.Sprintf("127.0.0.1:%d:2", c.port+i))
	}
	return out
}

// kill ends a node with SIGKILL and returns when it is gone.
func (c *cluster) kill(node string) error {
	c.mu.Lock()
	pid, byHand := c.pids[node], c.solo[node]
	delete(c.pids, node)
	delete(c.solo, node)
	c.mu.Unlock()
	if byHand != nil {
		_ = byHand.Process.Kill()
		_ = byHand.Wait()
		return nil
	}
	if pid == 0 {
		return fmt.Errorf("node %s does not run", node)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	_, err := c.await("exit", node)
	return err
}

// killAll ends everything at once, foci up too. A node that is in the middle of an
// fsync dies after it, and has its port until then.
func (c *cluster) killAll(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	pids := slices.Collect(maps.Values(c.pids))
	c.mu.Unlock()
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = c.cmd.Process.Kill()
	<-c.ended
	for _, pid := range pids {
		testwait.True(t, time.Minute, fmt.Sprintf("process %d to end", pid), func() bool { return ended(pid) })
	}
}

// ended reports whether a process is gone, or waits for its parent only.
func ended(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, ok := strings.Cut(string(stat), ") ")
	return err == nil && ok && state[0] == 'Z'
}

// serve starts a killed node again by hand and returns when it is ready.
func (c *cluster) serve(node string) error {
	cmd := exec.Command(binary, "serve", "--json", "--config", filepath.Join(c.dir, node, "foci.toml"))
	cmd.Stderr = c.stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.mu.Lock()
	c.solo[node] = cmd
	c.mu.Unlock()
	ready, over := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(over)
		process.Events(stdout, func(e process.Event) {
			if e.Event == process.Ready {
				ready <- struct{}{}
			}
		})
	}()
	select {
	case <-ready:
		return nil
	case <-over:
	case <-time.After(patience):
		_ = cmd.Process.Kill()
	}
	return fmt.Errorf("node %s was not ready; said:\n%s", node, c.stderr)
}

// stop ends all processes, as Ctrl-C does.
func (c *cluster) stop() {
	c.mu.Lock()
	solo := c.solo
	c.solo = map[string]*exec.Cmd{}
	c.mu.Unlock()
	for _, cmd := range solo {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}
	if c.cmd == nil || c.cmd.Process == nil {
		return
	}
	_ = c.cmd.Process.Signal(os.Interrupt)
	select {
	case <-c.ended:
	case <-time.After(patience):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
}

// run is one command line of foci against the cluster.
func (c *cluster) run(stdin io.Reader, args ...string) (stdout, stderr string, status int) {
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "FOCI_REMOTE="+strings.Join(c.remotes(), ","))
	var out, errs strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &errs
	_ = cmd.Run()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// freePorts is the first of n ports that are this process's until it ends: its
// clusters are stopped and started again on the same ones.
func freePorts(n int) (int, error) {
	first, release, err := testports.Find(n)
	if err != nil {
		return 0, err
	}
	held.mu.Lock()
	defer held.mu.Unlock()
	held.ports = append(held.ports, release)
	return first, nil
}

// held keeps the ports: without a reference to it their listener is closed.
var held struct {
	mu    sync.Mutex
	ports []func()
}

// safeBuffer keeps what several processes say, up to a bound.
type safeBuffer struct {
	mu sync.Mutex
	b  []byte
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	const most = 1 << 20
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b = append(s.b, p[:min(len(p), most-min(most, len(s.b)))]...)
	return len(p), nil
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.b)
}
