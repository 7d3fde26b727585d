package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

func traceCommand(a *app) *cobra.Command {
	var r remoteFlags
	c := &cobra.Command{
		Use:   "trace ID",
		Short: "Show the steps of an operation, as far as nodes remember them",
		Long: `Show what all nodes have noted of the operation with the trace ID: one line for each step, with its
time, who noted it, and what it was. Every step is noted of operations that were begun with --trace;
of others those that were slow or had to be sent again, with the ID that foci txns shows. Each
process remembers its last 4,096 steps. Their order is that of the processes' clocks.

  foci put --trace docs/hello.txt hello.txt
  foci trace 0123456789abcdef`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := foci.ParseTraceID(args[0])
			if err != nil {
				return usage(err)
			}
			cl, err := r.dial(c.Context())
			if err != nil {
				return err
			}
			defer func() { _ = hangUp(c.Context(), cl) }()
			return a.printTrace(c.Context(), cl, id)
		},
	}
	r.add(a, c)
	return c
}

func (a *app) printTrace(ctx context.Context, c *client.Client, id foci.TraceID) error {
	steps, err := c.Trace(ctx, id)
	for i := range steps {
		s := &steps[i]
		if err := a.print(s, func() error {
			return a.line("%s", stepLine(s, steps[0].At))
		}); err != nil {
			return err
		}
	}
	if err == nil && len(steps) == 0 {
		err = foci.Errorf(foci.NotFound, "nobody remembers a step of trace %v", id)
	}
	return err
}

// stepLine is a step for people, with the time since the first one.
func stepLine(s *client.TraceStep, first time.Time) string {
	return fmt.Sprintf("%s %10v  %-8s %s", s.At.Format("15:04:05.000"), s.At.Sub(first).Round(10*time.Microsecond), s.Name, s.What)
}

// traceWait is how long nodes are asked for the steps of an operation that has
// ended: one that is away must not hold the command up.
const traceWait = 3 * time.Second

// showTrace shows the steps of an operation among the messages, so that the
// command's output stays what it is.
func (a *app) showTrace(ctx context.Context, c *client.Client, id foci.TraceID) {
	ctx, cancel := context.WithTimeout(ctx, traceWait)
	defer cancel()
	steps, err := c.Trace(ctx, id)
	a.message("trace %v", id)
	for i := range steps {
		a.message("%s", stepLine(&steps[i], steps[0].At))
	}
	if err != nil {
		a.message("%v", err)
	}
}
