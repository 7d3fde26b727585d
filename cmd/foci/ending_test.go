package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
)

// within runs do and fails when it has not returned after a while.
func within[T any](t *testing.T, do func() T) T {
	t.Helper()
	done := make(chan T, 1)
	go func() { done <- do() }()
	select {
	case v := <-done:
		return v
	case <-time.After(1500 * time.Millisecond):
		t.Fatal("it goes on")
		panic("unreachable")
	}
}

// TestStuckCommandIsAbandoned: a command that waits for standard input, without
// looking at its context, ends soon after a signal.
func TestStuckCommandIsAbandoned(t *testing.T) {
	silent, end := io.Pipe()
	defer end.Close()
	var stderr strings.Builder
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt signal received"))
	code := within(t, func() int {
		return run(ctx, &app{stdin: silent, stdout: io.Discard, stderr: &stderr}, []string{"init", "--nodes", "-"})
	})
	if code != statusFailed || stderr.String() != "foci: given up: interrupt signal received\n" {
		t.Fatalf("status %d, %q", code, stderr.String())
	}
}

// TestTimeoutBoundsTheInput: when it was given, --timeout ends the reading of
// input that does not come.
func TestTimeoutBoundsTheInput(t *testing.T) {
	silent, end := io.Pipe()
	defer end.Close()
	a := &app{stdin: silent, stdout: io.Discard, stderr: io.Discard}
	c := &cobra.Command{Use: "read", SilenceErrors: true, SilenceUsage: true, RunE: func(c *cobra.Command, _ []string) error {
		in, _, done, err := a.input(c.Context(), nil)
		if err != nil {
			return err
		}
		defer done()
		_, err = io.ReadAll(in)
		return err
	}}
	new(remoteFlags).add(a, c)
	c.SetArgs([]string{"--timeout", "20ms"})
	err := within(t, func() error { return c.ExecuteContext(t.Context()) })
	if !errors.Is(err, foci.Canceled) || !errors.Is(err, errTimeout) {
		t.Fatal(err)
	}
}

// TestInputOfAPipe: what a pipe gives comes whole and in order, however it is cut.
func TestInputOfAPipe(t *testing.T) {
	r, w := io.Pipe()
	want := strings.Repeat("0123456789", 100_000)
	go func() {
		for i := 0; i < len(want); i += 77_777 {
			_, _ = io.WriteString(w, want[i:min(i+77_777, len(want))])
		}
		w.CloseWithError(io.ErrNoProgress)
	}()
	got, err := io.ReadAll(newInterruptible(t.Context(), r))
	if !errors.Is(err, io.ErrNoProgress) || string(got) != want {
		t.Fatalf("%d bytes of %d: %v", len(got), len(want), err)
	}
}

// TestCopyRefusesPipes: what is no regular file is refused by its name, and not
// waited for, also when it has taken the place of a file after it was found.
func TestCopyRefusesPipes(t *testing.T) {
	dir := t.TempDir()
	pipe, socket := filepath.Join(dir, "pipe"), filepath.Join(dir, "socket")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for path, what := range map[string]string{pipe: "is a pipe", socket: "is a socket", os.DevNull: "is a device"} {
		_, planned := new(copier).plan(t.Context(), newMemory(), place{path: path}, place{remote: true, bucket: "bkt", key: "k"}, false)
		opened := within(t, func() error {
			f, _, err := openRegular(path)
			if err == nil {
				f.Close()
			}
			return err
		})
		for _, err := range []error{planned, opened} {
			if !errors.Is(err, foci.Invalid) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), what) {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}
