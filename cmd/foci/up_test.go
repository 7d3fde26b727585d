package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/testports"
)

// childMode makes this test binary play a node's process.
const childMode = "FOCI_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childMode) {
	case "":
		os.Exit(runApart(m))
	case "serve":
		fmt.Fprintln(os.Stderr, "recovering")
		fmt.Println("noise")
		fmt.Println(`{"event":"ready","node":"x"}`)
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "broken":
		fmt.Fprint(os.Stderr, "the disk is full")
		os.Exit(1)
	}
}

// runApart runs the tests with a configuration directory of their own.
func runApart(m *testing.M) int {
	dir, err := os.MkdirTemp("", "foci-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"XDG_CONFIG_HOME", "HOME"} {
		if err := os.Setenv(name, dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

func playing(mode string) func(localNode) *exec.Cmd {
	return func(localNode) *exec.Cmd {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), childMode+"="+mode)
		return c
	}
}

// running is a local cluster under test and the lines of JSON that it prints.
type running struct {
	lines  *bufio.Scanner
	cancel context.CancelFunc
	done   chan error
}

func startUp(t *testing.T, u *up, l *localCluster) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	u.app.stdout, u.app.json = w, true
	run := &running{lines: bufio.NewScanner(r), cancel: cancel, done: make(chan error, 1)}
	go func() {
		err := u.run(ctx, l)
		w.Close()
		run.done <- err
	}()
	t.Cleanup(cancel)
	return run
}

func (r *running) next(t *testing.T) map[string]any {
	t.Helper()
	if !r.lines.Scan() {
		t.Fatalf("nothing more was printed: %v", <-r.done)
	}
	var v map[string]any
	if err := json.Unmarshal(r.lines.Bytes(), &v); err != nil {
		t.Fatalf("%q: %v", r.lines.Text(), err)
	}
	return v
}

func TestUpAnnouncesDeathsAndStops(t *testing.T) {
	for _, respawn := range []bool{false, true} {
		l := &localCluster{Cluster: "c", Nodes: 3, Groups: 3, Port: testports.Reserve(t, 3), dir: t.TempDir()}
		var stderr strings.Builder
		u := &up{app: &app{stderr: &stderr}, command: playing("serve"), respawn: respawn}
		r := startUp(t, u, l)
		ready := r.next(t)
		nodes, _ := ready["nodes"].([]any)
		if ready["event"] != "ready" || len(nodes) != 3 {
			t.Fatalf("%v", ready)
		}
		pid := int(nodes[1].(map[string]any)["pid"].(float64))
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if e := r.next(t); e["event"] != "exit" || e["node"] != "n2" || e["pid"] != float64(pid) {
			t.Fatalf("%v", e)
		}
		if respawn {
			if e := r.next(t); e["event"] != "respawn" || e["node"] != "n2" || e["pid"] == float64(pid) {
				t.Fatalf("%v", e)
			}
		}
		r.cancel()
		if err := <-r.done; err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(int(nodes[0].(map[string]any)["pid"].(float64)), 0); !errors.Is(err, syscall.ESRCH) {
			t.Fatalf("a node outlived up: %v", err)
		}
		if !strings.Contains(stderr.String(), "n1: recovering\n") {
			t.Fatalf("stderr: %q", stderr.String())
		}
	}
}

func TestUpSaysWhyANodeDoesNotStart(t *testing.T) {
	l := &localCluster{Cluster: "c", Nodes: 2, Groups: 1, Port: testports.Reserve(t, 2), dir: t.TempDir()}
	var stderr strings.Builder
	u := &up{app: &app{stdout: io.Discard, stderr: &stderr}, command: playing("broken")}
	err := u.run(t.Context(), l)
	if err == nil || !strings.Contains(err.Error(), "before it was ready") || !strings.Contains(stderr.String(), "the disk is full\n") {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
}

func TestUpRefuses(t *testing.T) {
	prepare := func(l localCluster) error {
		u := up{app: &app{}}
		_, err := u.prepare(&l)
		return err
	}
	port, dir := testports.Reserve(t, 2), t.TempDir()
	good := localCluster{Cluster: "c", Nodes: 2, Groups: 2, Port: port, dir: dir}
	if err := prepare(good); err != nil {
		t.Fatal(err)
	}
	if err := prepare(good); err != nil {
		t.Fatalf("its own directory: %v", err)
	}
	other := good
	other.Groups = 1
	full := good
	full.dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(full.dir, "thesis.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port+1))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for want, l := range map[string]localCluster{
		"holds cluster c":   other,
		"is not empty":      full,
		"cannot listen":     good,
		"--nodes 0":         {Groups: 1, Port: 1},
		"needs a node":      {Nodes: 2, Groups: 3, Port: 1},
		"need ports up to":  {Nodes: 3, Groups: 3, Port: 65534},
		"cannot be made":    {Cluster: "c", Nodes: 1, Groups: 1, Port: port, dir: filepath.Join(full.dir, "thesis.txt", "x")},
		"--groups 16: want": {Nodes: 20, Groups: 16, Port: 1},
	} {
		if err := prepare(l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", l, err, want)
		}
	}
}

func TestUpRefusesReadOnlyDirectory(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	l := localCluster{Cluster: "c", Nodes: 1, Groups: 1, Port: 1025, dir: dir}
	if err := l.claim(func() error { return nil }); err == nil || !strings.Contains(err.Error(), "cannot be written") {
		t.Fatal(err)
	}
}

// TestUpWritesWhatNodesRead checks that each node's configuration is complete
// and fits the layout, and that a cut-short creation is finished.
func TestUpWritesWhatNodesRead(t *testing.T) {
	l := &localCluster{Cluster: "c", Nodes: 6, Groups: 3, Port: 2000, dir: t.TempDir()}
	if err := l.claim(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	nodes := l.members()
	if err := l.create(nodes[:6]); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(nodes[4].Dir, layoutFile)); err != nil {
		t.Fatal(err)
	}
	if err := l.create(nodes); err != nil {
		t.Fatal(err)
	}
	perGroup := map[foci.Group]int{}
	for _, n := range nodes {
		c, err := readConfig(filepath.Join(n.Dir, configFile))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.complete(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(n.Dir, layoutFile))
		if err != nil {
			t.Fatal(err)
		}
		made, err := layout.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		s, err := layout.NewSnapshot(made)
		if err != nil {
			t.Fatal(err)
		}
		ln := s.NodeNamed(c.Name)
		if ln == nil || ln.Addrs[0].String() != c.Addresses[0].Addr || made.Cluster != c.Cluster {
			t.Fatalf("%+v is not %+v", c, ln)
		}
		b := s.BackendsOf(ln.ID)
		if len(b) != 1 || b[0].Dir != c.Backends[0].Dir || b[0].Group != c.Backends[0].Group {
			t.Fatalf("backends %+v, configured %+v", b, c.Backends)
		}
		perGroup[b[0].Group]++
	}
	if perGroup[1] != 2 || perGroup[2] != 2 || perGroup[3] != 2 {
		t.Fatalf("nodes of each group: %v", perGroup)
	}
}

// TestUpLeavesNoTraceWithoutItsPorts repeats a first up that found its port
// taken with another port: the directory must not remember the first.
func TestUpLeavesNoTraceWithoutItsPorts(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := filepath.Join(t.TempDir(), "cluster")
	port := taken.Addr().(*net.TCPAddr).Port
	l := &localCluster{Cluster: "c", Nodes: 1, Groups: 1, Port: port, dir: dir}
	if _, err := (&up{}).prepare(l); err == nil || !strings.Contains(err.Error(), "cannot listen") {
		t.Fatalf("port taken: %v", err)
	}
	l.Port++
	if err := l.claim(func() error { return nil }); err != nil {
		t.Fatalf("another port: %v", err)
	}
}
