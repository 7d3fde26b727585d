package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/testwait"
)

// soon bounds how long a command that is told to end may go on.
const soon = 1500 * time.Millisecond

// TestStuckCommandIsAbandoned: a command that waits for standard input, without
// looking at its context, ends soon after a signal.
func TestStuckCommandIsAbandoned(t *testing.T) {
	silent, end := io.Pipe()
	defer end.Close()
	var stderr strings.Builder
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt signal received"))
	code := testwait.Return(t, soon, "the command's end", func() int {
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
	err := testwait.Return(t, soon, "the command's end", func() error { return c.ExecuteContext(t.Context()) })
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
