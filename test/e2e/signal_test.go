package e2e

import (
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
	"time"

	"golang.org/x/sys/unix"

	"github.com/foci-store/foci/internal/testwait"
)

// tarpit accepts connections and never answers; each one is told on the channel.
func tarpit(t *testing.T) (remote string, met <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	c := make(chan struct{}, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}()
	return l.Addr().String() + ":2", c
}

// stuck is a command that waits for something that does not come.
type stuck struct {
	name   string
	args   []string
	stdin  *os.File
	waits  func(pid int) bool // reports that it waits, asked until it does
	exits  int
	stdout *os.File // nil: discarded
}

// endsWithin is how soon a command must have ended after its signal.
const endsWithin = time.Second

// interrupt starts a command, waits until it waits, sends it a signal, and
// returns how long it went on, with its exit status and messages.
func (s *stuck) interrupt(t *testing.T, env []string, sig syscall.Signal) (time.Duration, int, string) {
	t.Helper()
	cmd := exec.Command(binary, s.args...)
	said := new(safeBuffer)
	cmd.Env, cmd.Stdin, cmd.Stderr, cmd.Dir = env, s.stdin, said, t.TempDir()
	if s.stdout != nil {
		cmd.Stdout = s.stdout
	}
	must(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill() }()
	testwait.Until(t, patience, s.name+" to wait", func() error {
		if !s.waits(cmd.Process.Pid) {
			return errors.New("it goes on: " + said.String())
		}
		return nil
	})
	began := time.Now()
	must(t, cmd.Process.Signal(sig))
	killer := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer killer.Stop()
	_ = cmd.Wait()
	return time.Since(began), cmd.ProcessState.ExitCode(), said.String()
}

// emptied reports that what was written into a pipe has been read: its reader
// waits for more.
func emptied(w *os.File) func(int) bool {
	return func(int) bool {
		n, err := unix.IoctlGetInt(int(w.Fd()), unix.TIOCINQ)
		return err == nil && n == 0
	}
}

// silent is a pipe in which a byte lies, and then nothing follows.
func silent(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	must(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	_, err = w.WriteString("x")
	must(t, err)
	return r, w
}

// crowded is a pipe that nothing can be written to any more, once it was written to.
func crowded(t *testing.T) (w *os.File, isFull func(int) bool) {
	t.Helper()
	r, w, err := os.Pipe()
	must(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	size, err := unix.FcntlInt(w.Fd(), unix.F_GETPIPE_SZ, 0)
	must(t, err)
	return w, func(int) bool {
		n, err := unix.IoctlGetInt(int(r.Fd()), unix.TIOCINQ)
		return err == nil && n == size
	}
}

// unreached are the commands that ask the cluster, at a node that never answers.
func unreached(t *testing.T) []stuck {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, []byte("content"), 0o600))
	var all []stuck
	for _, line := range []string{
		"put sig/a " + file, "append sig/a " + file, "get sig/a", "get sig/a -o out", "get sig/a --trace", "stat sig/a", "history sig/a", "rm sig/a",
		"ls sig", "cp " + file + " foci://sig/a", "cp foci://sig/a out", "cp -r . foci://sig/d", "cp -r foci://sig/d out",
		"nodes", "route", "mesh", "txns", "txns --watch", "trace 0123456789abcdef", "bench put --count 1", "bench mixed", "bench append",
	} {
		remote, met := tarpit(t)
		all = append(all, stuck{name: line, args: append(strings.Fields(line), "-R", remote), exits: 1, waits: func(int) bool {
			select {
			case <-met:
				return true
			default:
				return false
			}
		}})
	}
	return all
}

// waiting are commands that wait for their input, or for who reads their output.
func waiting(t *testing.T, c *cluster) []stuck {
	var all []stuck
	for _, line := range []string{"put sig/in", "append sig/in", "put sig/in -", "init --nodes -"} {
		r, w := silent(t)
		all = append(all, stuck{name: line + " from a silent pipe", args: strings.Fields(line), stdin: r, waits: emptied(w), exits: 1})
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	for _, verb := range []string{"put", "append"} {
		all = append(all, stuck{name: verb + " from a named pipe without a writer", args: []string{verb, "sig/in", pipe}, waits: opening(), exits: 1})
	}
	_, errs, status := c.run(strings.NewReader(strings.Repeat("x", 4<<20)), "put", "sig/big")
	if status != 0 {
		t.Fatal(errs)
	}
	w, isFull := crowded(t)
	all = append(all, stuck{name: "get into a pipe that is full", args: []string{"get", "sig/big"}, stdout: w, waits: isFull, exits: 1})
	loaded := func(int) bool {
		out, _, status := c.run(nil, "ls", "-r", "foci-bench", "--limit", "1")
		return status == 0 && out != ""
	}
	all = append(all, stuck{name: "bench", args: []string{"bench", "put", "--count", "100000000", "--concurrency", "4"}, waits: loaded, exits: 1})
	all = append(all, stuck{name: "bench mesh", args: []string{"bench", "mesh", "--time", "30s"}, waits: connected, exits: 1})
	return all
}

// opening reports that a process stays in the system call that opens a file: of
// a named pipe without a writer it does not return.
func opening() func(int) bool {
	const lasting = 30 // looks in a row: others than of that pipe are short
	seen := 0
	return func(pid int) bool {
		seen++
		if !inOpen(pid) {
			seen = 0
		}
		return seen >= lasting
	}
}

func inOpen(pid int) bool {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	for _, path := range tasks {
		text, _ := os.ReadFile(path)
		if strings.HasPrefix(string(text), fmt.Sprintf("%d ", syscall.SYS_OPENAT)) {
			return true
		}
	}
	return false
}

// connected reports that a process has some sockets open.
func connected(pid int) bool {
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	n := 0
	for _, fd := range fds {
		if to, _ := os.Readlink(fd); strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n > 4
}

// TestSignalsEndCommands: one SIGINT or SIGTERM ends every command within a
// second, whatever it waits for.
func TestSignalsEndCommands(t *testing.T) {
	c := startCluster(t)
	env := append(os.Environ(), "FOCI_REMOTE="+strings.Join(c.remotes(), ","))
	for i, s := range append(unreached(t), waiting(t, c)...) {
		t.Run(s.name, func(t *testing.T) {
			sig := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}[i%2]
			took, status, said := s.interrupt(t, env, sig)
			if took > endsWithin || status != s.exits || !strings.HasPrefix(said, "foci: ") && !strings.Contains(said, "\nfoci: ") {
				t.Errorf("%v after %v, status %d, want %d: %s", took, sig, status, s.exits, said)
			}
			if strings.Contains(said, "goroutine") {
				t.Errorf("it crashed: %s", said)
			}
			t.Logf("%v: %s", took.Round(time.Millisecond), said)
		})
	}
}

// TestTimeoutEndsTheInput: --timeout bounds input that comes slowly or not at all.
func TestTimeoutEndsTheInput(t *testing.T) {
	c := startCluster(t)
	r, _ := silent(t)
	began := time.Now()
	out, said, status := c.run(r, "put", "sig/slow", "--timeout", "300ms")
	if took := time.Since(began); took > 300*time.Millisecond+endsWithin || status != 1 || out != "" {
		t.Fatalf("%v, status %d: %s%s", took, status, out, said)
	}
	if !strings.Contains(said, "--timeout is over") || !strings.Contains(said, "nothing was stored") {
		t.Fatal(said)
	}
	if _, said, status := c.run(nil, "stat", "sig/slow"); status != 3 {
		t.Fatalf("status %d: %s", status, said)
	}
}

// TestServersEndInOrder: a signal ends up and serve, and what was acknowledged
// is there when they run again.
func TestServersEndInOrder(t *testing.T) {
	c := startCluster(t)
	if _, said, status := c.run(strings.NewReader("kept"), "put", "sig/kept"); status != 0 {
		t.Fatal(said)
	}
	began := time.Now()
	must(t, c.cmd.Process.Signal(syscall.SIGTERM))
	<-c.ended
	if status := c.cmd.ProcessState.ExitCode(); status != 0 {
		t.Fatalf("up: status %d: %s", status, c.stderr)
	}
	t.Logf("up ended after %v", time.Since(began).Round(time.Millisecond))
	must(t, c.start())
	if out, said, status := c.run(nil, "get", "sig/kept"); status != 0 || out != "kept" {
		t.Fatalf("status %d: %q %s", status, out, said)
	}
	must(t, c.kill("n2"))
	cmd := exec.Command(binary, "serve", "--json", "--config", filepath.Join(c.dir, "n2", "foci.toml"))
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	_, err = io.ReadFull(stdout, make([]byte, 1)) // of its line that it is ready
	must(t, err)
	must(t, cmd.Process.Signal(syscall.SIGINT))
	began = time.Now()
	must(t, cmd.Wait())
	t.Logf("serve ended after %v", time.Since(began).Round(time.Millisecond))
}
