package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Listen is a TCP listener of the test's own on the host, without keepalive.
func (h *Host) Listen(port int) net.Listener {
	h.lab.t.Helper()
	var l net.Listener
	err := h.enter(func() (err error) {
		bare := net.ListenConfig{KeepAlive: -1}
		l, err = bare.Listen(context.Background(), "tcp", fmt.Sprintf("%v:%d", h.Addr(), port))
		return err
	})
	if err != nil {
		h.lab.t.Fatal(err)
	}
	h.lab.t.Cleanup(func() { _ = l.Close() })
	return l
}

// enter runs f on a thread that is on the host. A socket stays where it was made.
func (h *Host) enter(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		ns, err := os.Open("/var/run/netns/" + h.ns)
		if err == nil {
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
			_ = ns.Close() // the thread is there, or not
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}
