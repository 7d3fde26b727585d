package localcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/credential"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/testports"
	"github.com/foci-store/foci/internal/testwait"
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

func playing(mode string) func(Node) *exec.Cmd {
	return func(Node) *exec.Cmd {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), childMode+"="+mode)
		return c
	}
}

// configured stands for a node's configuration.
func configured(l *Spec, n Node) ([]byte, error) {
	return fmt.Appendf(nil, "%s %s %d %v", l.Cluster, n.Name, n.Group, l.Key), nil
}

// running is a local cluster under test.
type running struct {
	events chan Event
	cancel context.CancelFunc
	done   chan error

	mu    sync.Mutex
	lines []string // of the nodes; guarded by mu
}

func start(t *testing.T, r *Runner, l *Spec) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	run := &running{events: make(chan Event, 16), cancel: cancel, done: make(chan error, 1)}
	r.Config = configured
	r.OnEvent = func(e Event) error { run.events <- e; return nil }
	r.OnLine = func(n Node, line string) {
		run.mu.Lock()
		defer run.mu.Unlock()
		run.lines = append(run.lines, n.Name+": "+line)
	}
	go func() {
		err := r.Run(ctx, l)
		close(run.events)
		run.done <- err
	}()
	t.Cleanup(cancel)
	return run
}

func (r *running) next(t *testing.T) Event {
	t.Helper()
	return testwait.Receive(t, time.Minute, "an event of the cluster", r.events)
}

func (r *running) wrote(line string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.lines, line)
}

func TestUpAnnouncesDeathsAndStops(t *testing.T) {
	for _, respawn := range []bool{false, true} {
		l := &Spec{Cluster: "c", Nodes: 3, Groups: 3, Port: testports.Reserve(t, 3), Dir: t.TempDir()}
		r := start(t, &Runner{Command: playing("serve"), Respawn: respawn}, l)
		ready := r.next(t)
		if ready.Kind != Ready || len(ready.Nodes) != 3 || ready.Index != nil {
			t.Fatalf("%+v", ready)
		}
		pid := ready.Nodes[1].PID
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if e := r.next(t); e.Kind != Exit || e.Nodes[0].Name != "n2" || e.Nodes[0].PID != pid || e.Err == nil {
			t.Fatalf("%+v", e)
		}
		if respawn {
			if e := r.next(t); e.Kind != Respawn || e.Nodes[0].Name != "n2" || e.Nodes[0].PID == pid {
				t.Fatalf("%+v", e)
			}
		}
		r.cancel()
		if err := <-r.done; err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(ready.Nodes[0].PID, 0); !errors.Is(err, syscall.ESRCH) {
			t.Fatalf("a node outlived up: %v", err)
		}
		if !r.wrote("n1: recovering") {
			t.Fatalf("%q", r.lines)
		}
	}
}

func TestUpSaysWhyANodeDoesNotStart(t *testing.T) {
	l := &Spec{Cluster: "c", Nodes: 2, Groups: 1, Port: testports.Reserve(t, 2), Dir: t.TempDir()}
	r := start(t, &Runner{Command: playing("broken")}, l)
	if err := <-r.done; err == nil || !strings.Contains(err.Error(), "before it was ready") || !r.wrote("n1: the disk is full") {
		t.Fatalf("%v\n%q", err, r.lines)
	}
}

func TestUpRefuses(t *testing.T) {
	prepare := func(l Spec) error {
		r := Runner{Config: configured}
		_, err := r.prepare(&l)
		return err
	}
	port, dir := testports.Reserve(t, 2), t.TempDir()
	good := Spec{Cluster: "c", Nodes: 2, Groups: 2, Port: port, Dir: dir}
	if err := prepare(good); err != nil {
		t.Fatal(err)
	}
	if err := prepare(good); err != nil {
		t.Fatalf("its own directory: %v", err)
	}
	other := good
	other.Groups = 1
	full := good
	full.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(full.Dir, "thesis.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port+1))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for want, l := range map[string]Spec{
		"holds cluster c":   other,
		"is not empty":      full,
		"cannot listen":     good,
		"--nodes 0":         {Groups: 1, Port: 1},
		"needs a node":      {Nodes: 2, Groups: 3, Port: 1},
		"need ports up to":  {Nodes: 3, Groups: 3, Port: 65534},
		"cannot be made":    {Cluster: "c", Nodes: 1, Groups: 1, Port: port, Dir: filepath.Join(full.Dir, "thesis.txt", "x")},
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
	l := Spec{Cluster: "c", Nodes: 1, Groups: 1, Port: 1025, Dir: dir}
	if err := l.claim(func() error { return nil }); err == nil || !strings.Contains(err.Error(), "cannot be written") {
		t.Fatal(err)
	}
}

// TestUpWritesWhatNodesRead checks that each node's configuration is there and fits
// the layout, and that a cut-short creation is finished.
func TestUpWritesWhatNodesRead(t *testing.T) {
	l := &Spec{Cluster: "c", Nodes: 6, Groups: 3, Port: 2000, Dir: t.TempDir()}
	if err := l.claim(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	nodes := l.members()
	if err := l.create(nodes, configured); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(nodes[4].Dir, layoutFile)); err != nil {
		t.Fatal(err)
	}
	if err := l.create(nodes, configured); err != nil {
		t.Fatal(err)
	}
	perGroup := map[foci.Group]int{}
	for _, n := range nodes {
		config, err := os.ReadFile(filepath.Join(n.Dir, ConfigFile))
		if want, _ := configured(l, n); err != nil || string(config) != string(want) {
			t.Fatalf("configuration %q, want %q: %v", config, want, err)
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
		ln := s.NodeNamed(n.Name)
		if ln == nil || ln.Addrs[0] != n.Addr || made.Cluster != l.Cluster {
			t.Fatalf("%+v is not %+v", n, ln)
		}
		b := s.BackendsOf(ln.ID)
		if len(b) != 1 || b[0].Dir != filepath.Join(n.Dir, "data") || b[0].Group != n.Group {
			t.Fatalf("backends %+v of %+v", b, n)
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
	l := &Spec{Cluster: "c", Nodes: 1, Groups: 1, Port: port, Dir: dir}
	if _, err := new(Runner).prepare(l); err == nil || !strings.Contains(err.Error(), "cannot listen") {
		t.Fatalf("port taken: %v", err)
	}
	l.Port++
	if err := l.claim(func() error { return nil }); err != nil {
		t.Fatalf("another port: %v", err)
	}
}

// TestUpMakesAKey: a new cluster has a key, and its credentials are for its user
// alone; one that was made without a key stays so, and one with a key keeps it.
func TestUpMakesAKey(t *testing.T) {
	port := testports.Reserve(t, 1)
	prepare := func(dir string, key bool) (*Spec, error) {
		l := &Spec{Cluster: "c", Nodes: 1, Groups: 1, Port: port, Key: key, Dir: dir}
		r := Runner{Config: configured}
		_, err := r.prepare(l)
		return l, err
	}
	with, without := t.TempDir(), t.TempDir()
	if _, err := prepare(with, true); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{credential.KeyFile, credential.ClientFile, credential.AdminFile} {
		if info, err := os.Stat(filepath.Join(with, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	key, err := os.ReadFile(filepath.Join(with, credential.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prepare(with, true); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(filepath.Join(with, credential.KeyFile)); err != nil || !slices.Equal(key, again) {
		t.Errorf("a second start makes another key: %v", err)
	}
	if _, err := prepare(with, false); err == nil || !strings.Contains(err.Error(), "with a key") {
		t.Errorf("--insecure with a key: %v", err)
	}
	if _, err := prepare(without, false); err != nil {
		t.Fatal(err)
	}
	if l, err := prepare(without, true); err != nil || l.Key {
		t.Errorf("a cluster without a key: key %v, %v", l.Key, err)
	}
	if _, err := os.Stat(filepath.Join(without, credential.KeyFile)); err == nil {
		t.Error("it got a key that its nodes do not know")
	}
}
