package hostile

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci/internal/testports"
	"github.com/foci-store/foci/test/process"
)

// patience bounds each wait for something that must happen.
const patience = 60 * time.Second

// target is a cluster of three nodes that foci up started, and the files of its
// clients.
type target struct {
	binary  string
	dir     string
	home    string // of the user that started it
	remotes []string
	pids    []int
	cmd     *exec.Cmd
	said    strings.Builder
}

// start runs foci up with the binary and waits until the nodes are ready.
func start(t *testing.T, binary string) *target {
	t.Helper()
	port := testports.Reserve(t, 3)
	c := &target{binary: binary, dir: filepath.Join(t.TempDir(), "cluster"), home: t.TempDir()}
	for i := range 3 {
		c.remotes = append(c.remotes, fmt.Sprintf("127.0.0.1:%d:2", port+i))
	}
	c.cmd = c.command(binary, "up", "--json", "--dir", c.dir, "--port", strconv.Itoa(port))
	c.cmd.Stderr = &c.said
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.cmd.Process.Signal(os.Interrupt)
		timer := time.AfterFunc(patience, func() { _ = c.cmd.Process.Kill() })
		defer timer.Stop()
		_ = c.cmd.Wait()
		if t.Failed() {
			t.Logf("foci up said:\n%s", &c.said)
		}
	})
	c.pids = ready(t, stdout)
	return c
}

// ready reads what up prints until it says that the nodes serve: their processes.
func ready(t *testing.T, stdout io.Reader) []int {
	t.Helper()
	found := make(chan process.Event, 1)
	go process.Events(stdout, func(e process.Event) {
		if e.Event == process.Ready {
			found <- e
		}
	})
	select {
	case e := <-found:
		var pids []int
		for _, n := range e.Nodes {
			pids = append(pids, n.PID)
		}
		if len(pids) == 3 {
			return pids
		}
		t.Fatalf("foci up is not ready: %v", e)
	case <-time.After(patience):
		t.Fatalf("foci up is not ready after %v", patience)
	}
	return nil
}

// command is a command of a user whose settings are the cluster's alone.
func (c *target) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "HOME="+c.home, "XDG_CONFIG_HOME="+filepath.Join(c.home, ".config"), "FOCI_CREDENTIAL=", "FOCI_REMOTE=")
	return cmd
}

// credential makes the credential of a client of that name, with the rights that
// a client has by itself.
func (c *target) credential(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join(c.home, name+".credential")
	key, err := filepath.Glob(filepath.Join(c.dir, "cluster.key"))
	if err != nil || len(key) != 1 {
		t.Fatalf("foci up has made no cluster key in %s", c.dir)
	}
	if out, err := c.command(c.binary, "credential", name, "--key", key[0], "--out", file).CombinedOutput(); err != nil {
		t.Fatalf("foci credential: %v\n%s", err, out)
	}
	return file
}

// sizes are the resident sizes of the nodes, in bytes.
func (c *target) sizes() ([]int64, error) {
	out := make([]int64, len(c.pids))
	for i, pid := range c.pids {
		m, err := process.MemoryOf(pid)
		if err != nil {
			return nil, fmt.Errorf("node %d is gone: %w", i+1, err)
		}
		out[i] = m.Resident
	}
	return out, nil
}

// watch notes the largest sizes until the returned function is called.
func (c *target) watch() (most func() ([]int64, error)) {
	stop, done := make(chan struct{}), make(chan struct{})
	largest := make([]int64, len(c.pids))
	var failed error
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			now, err := c.sizes()
			if err != nil {
				failed = err
				return
			}
			for i := range now {
				largest[i] = max(largest[i], now[i])
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	return func() ([]int64, error) {
		close(stop)
		<-done
		return largest, failed
	}
}
