package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/foci-store/foci"
)

// readyEvent is what a node with --json prints on standard output once it
// serves; up prints the same with all nodes.
type readyEvent struct {
	Event string      `json:"event"` // "ready"
	Nodes []localNode `json:"nodes"`
}

// child is one node's process.
type child struct {
	node  localNode
	cmd   *exec.Cmd
	stdin io.Closer // its end of file tells the child to stop, also when we are killed
	ready chan struct{}
	ended chan struct{}
	err   error // of its end; valid once ended is closed
}

// spawn starts a node; command makes its process. What the process prints for
// people goes to messages, each line with the node's name before it.
func spawn(n localNode, command func(localNode) *exec.Cmd, messages io.Writer) (*child, error) {
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
	readers.Go(func() { forward(stderr, messages, n.Name) })
	go func() {
		readers.Wait() // Wait may close the pipes only after they were read
		c.err = cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

func (c *child) readStdout(r io.Reader) {
	lines := bufio.NewScanner(r)
	said := false
	for lines.Scan() {
		var e struct{ Event string }
		if !said && json.Unmarshal(lines.Bytes(), &e) == nil && e.Event == "ready" {
			said = true
			close(c.ready)
		}
	}
	_, _ = io.Copy(io.Discard, r) // after an overlong line: never block the child
}

// forward copies lines with a name before them. It is used by several children
// at once, so each line is one write.
func forward(r io.Reader, w io.Writer, name string) {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			_, _ = fmt.Fprintf(w, "%s: %s\n", name, shown(strings.TrimSuffix(string(line), "\n")))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// awaitReady waits until the node serves, or says why it does not.
func (c *child) awaitReady(ctx context.Context) error {
	select {
	case <-c.ready:
		return nil
	case <-c.ended:
		return &foci.Error{Kind: foci.Internal, Op: "up", Where: c.node.Name, Msg: "the node ended before it was ready: " + c.reason()}
	case <-ctx.Done():
		return &foci.Error{Kind: foci.Internal, Op: "up", Where: c.node.Name, Msg: "the node was not ready in time", Err: context.Cause(ctx)}
	}
}

// reason is how the process ended, in words.
func (c *child) reason() string {
	if c.err == nil {
		return "it stopped"
	}
	return c.err.Error()
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
