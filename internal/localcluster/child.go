package localcluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/foci-store/foci"
)

// child is one node's process.
type child struct {
	node  Node
	cmd   *exec.Cmd
	stdin io.Closer // its end of file tells the child to stop, also when we are killed
	ready chan struct{}
	ended chan struct{}
	err   error // of its end; valid once ended is closed
}

// spawn starts a node; command makes its process. Each line that the process writes
// to standard error goes to onLine.
func spawn(n Node, command func(Node) *exec.Cmd, onLine func(Node, string)) (*child, error) {
	cmd := command(n)
	// Ctrl-C goes to up alone, which then stops its children in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, &foci.Error{Kind: foci.Internal, Op: "start", Where: n.Name, Err: err, Msg: "the process cannot be started"}
	}
	c := &child{node: n, cmd: cmd, stdin: stdin, ready: make(chan struct{}), ended: make(chan struct{})}
	c.node.PID = cmd.Process.Pid
	var readers sync.WaitGroup
	readers.Go(func() { c.readStdout(stdout) })
	readers.Go(func() { eachLine(stderr, func(line string) { onLine(c.node, line) }) })
	go func() {
		readers.Wait() // Wait may close the pipes only after they were read
		c.err = cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

func (c *child) readStdout(r io.Reader) {
	lines := bufio.NewScanner(r)
	ready := false
	for lines.Scan() {
		var e struct{ Event string }
		if !ready && json.Unmarshal(lines.Bytes(), &e) == nil && e.Event == "ready" {
			ready = true
			close(c.ready)
		}
	}
	_, _ = io.Copy(io.Discard, r) // after an overlong line: never block the child
}

// eachLine calls do for each line, in pieces if it is overlong.
func eachLine(r io.Reader, do func(string)) {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			do(strings.TrimSuffix(string(line), "\n"))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// awaitReady waits until the node serves. The error says why it does not.
func (c *child) awaitReady(ctx context.Context) error {
	select {
	case <-c.ready:
		return nil
	case <-c.ended:
		return &foci.Error{Kind: foci.Internal, Op: "up", Where: c.node.Name, Msg: "the node ended before it was ready: " + Reason(c.err)}
	case <-ctx.Done():
		return &foci.Error{Kind: foci.Internal, Op: "up", Where: c.node.Name, Msg: "the node was not ready in time", Err: context.Cause(ctx)}
	}
}

// Reason describes how a process ended; err is that of [exec.Cmd.Wait].
func Reason(err error) string {
	if err == nil {
		return "it stopped"
	}
	return err.Error()
}

// stopGrace is how long a child may take to stop before it is killed.
const stopGrace = 15 * time.Second

// stop asks the process to end and waits until it has.
func (c *child) stop() {
	_ = c.stdin.Close()
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case <-c.ended:
	case <-grace.C:
		_ = c.cmd.Process.Signal(os.Kill)
		<-c.ended
	}
}
