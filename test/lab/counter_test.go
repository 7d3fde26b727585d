package lab

import (
	"fmt"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
)

// counter counts the bytes that a process has written.
type counter struct{ n atomic.Int64 }

// Write implements io.Writer.
func (c *counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}

func (c *counter) over(want int64) error {
	if n := c.n.Load(); n < want {
		return fmt.Errorf("%d bytes came", n)
	}
	return nil
}

// freeze stops a process where it is, or lets it go on.
func freeze(t *testing.T, cmd *exec.Cmd, stop bool) {
	t.Helper()
	s := syscall.SIGCONT
	if stop {
		s = syscall.SIGSTOP
	}
	if err := cmd.Process.Signal(s); err != nil {
		t.Error(err)
	}
}
