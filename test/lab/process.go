package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/foci-store/foci/test/process"
)

// patience bounds every wait for a process.
const patience = 60 * time.Second

// Process is a foci process on a host.
type Process struct {
	host  *Host
	name  string
	cmd   *exec.Cmd
	log   string // path
	ready chan struct{}
	ended chan struct{}
}

// Start runs foci on the host and returns at once. A node is ready when it
// has printed so: see [Process.AwaitReady].
func (h *Host) Start(args ...string) *Process {
	h.lab.t.Helper()
	p := &Process{host: h, name: fmt.Sprintf("%s-%d", h.name, len(h.all)), ready: make(chan struct{}), ended: make(chan struct{})}
	p.log = filepath.Join(h.dir, p.name+".log")
	log, err := os.Create(p.log)
	if err != nil {
		h.lab.t.Fatal(err)
	}
	defer log.Close()
	p.cmd = h.command(binary, args...)
	p.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	p.cmd.Dir, p.cmd.Stderr = h.dir, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		h.lab.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		h.lab.t.Fatal(err)
	}
	h.all = append(h.all, p)
	go func() {
		process.Events(stdout, func(e process.Event) {
			if e.Event == process.Ready {
				close(p.ready)
			}
		})
		_ = p.cmd.Wait() // how it ended is in its state
		close(p.ended)
	}()
	return p
}

// AwaitReady waits until the node serves.
func (p *Process) AwaitReady() {
	p.host.lab.t.Helper()
	select {
	case <-p.ready:
	case <-p.ended:
		p.host.lab.t.Fatalf("%s ended before it was ready: %v\n%s", p.name, p.cmd.ProcessState, p.said())
	case <-time.After(patience):
		p.host.lab.t.Fatalf("%s was not ready within %v", p.name, patience)
	}
}

// said is what the process has printed for people.
func (p *Process) said() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Kill ends the process at once and waits until it is gone. The kernel resets
// its connections meanwhile.
func (p *Process) Kill() {
	p.signal(syscall.SIGCONT)
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// Freeze stops the process where it is: its kernel goes on acknowledging.
func (p *Process) Freeze() { p.signal(syscall.SIGSTOP) }

// Thaw lets it go on.
func (p *Process) Thaw() { p.signal(syscall.SIGCONT) }

// Stop asks the process to end, and waits until it has.
func (p *Process) Stop() {
	p.signal(syscall.SIGCONT)
	p.signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.host.lab.t.Errorf("%s did not stop within %v", p.name, patience)
		p.Kill()
	}
}

// Wait waits for the process to end by itself.
func (p *Process) Wait(within time.Duration) error {
	select {
	case <-p.ended:
	case <-time.After(within):
		return fmt.Errorf("%s has not ended within %v\n%s", p.name, within, p.said())
	}
	if !p.cmd.ProcessState.Success() {
		return fmt.Errorf("%s: %v\n%s", p.name, p.cmd.ProcessState, p.said())
	}
	return nil
}

func (p *Process) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.host.lab.t.Errorf("%s: %v", p.name, err)
	}
}

// stopAll kills what still runs: tests that want it stopped in order do that.
func (h *Host) stopAll() {
	for _, p := range h.all {
		p.Kill()
	}
}

// Memory is the process's resident memory in bytes.
func (p *Process) Memory() int64 {
	p.host.lab.t.Helper()
	m, err := process.MemoryOf(p.cmd.Process.Pid)
	if err != nil {
		p.host.lab.t.Fatalf("%s: %v", p.name, err)
	}
	return m.Resident
}
