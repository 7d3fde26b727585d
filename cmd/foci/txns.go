package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/cmd/foci/internal/settings"
)

func txnsCommand(a *app) *cobra.Command {
	var r remoteFlags
	var every time.Duration
	c := &cobra.Command{
		Use:   "txns",
		Short: "Show pending transactions, and how many were resent, stalled and lost",
		Long: `Show, for every node and for this client, the pending transactions: node, class, table and
state, how many, the oldest one's age, and the most attempts; and the results of earlier ones.
EXPIRED reached their deadline; HINTS are objects that a node remembers because another group may
have missed a change of them. A parked transaction waits for an unreachable node; it is sent again
the moment the node is reachable. See docs/transactions.md.

  foci txns
  foci txns --watch --every 5s
  foci txns --json            # each pending one by itself, too`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if every < 100*time.Millisecond {
				return usagef("--every %v: want at least 100ms", every)
			}
			cl, err := r.dial(c.Context())
			if err != nil {
				return err
			}
			defer func() { _ = hangUp(c.Context(), cl) }()
			return a.watchTxns(c.Context(), cl, r.each, every, r.timeout)
		},
	}
	c.Flags().BoolVar(&r.each, "watch", false, "show it again and again, until interrupted")
	c.Flags().DurationVar(&every, "every", 2*time.Second, "with --watch: how often")
	r.add(a, c)
	return c
}

// watchTxns shows the transactions once, or until ctx ends.
func (a *app) watchTxns(ctx context.Context, cl *client.Client, watch bool, every, timeout time.Duration) error {
	for {
		one, cancel := context.WithTimeout(ctx, timeout)
		all, err := cl.Txns(one)
		cancel()
		if err == nil {
			err = a.txns(all)
		}
		if err != nil || !watch {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
		if !a.json {
			if err := errors.Join(a.line(""), a.line("%s", formatTime(time.Now()))); err != nil {
				return err
			}
		}
	}
}

func (a *app) txns(all []client.ProcessStatus[client.TxnStatus]) error {
	if a.json {
		for i := range all {
			if err := a.print(all[i], nil); err != nil {
				return err
			}
		}
		return nil
	}
	names := processNames(all)
	var totals, pending [][]string
	for i := range all {
		p := &all[i]
		if p.Is == nil {
			totals = append(totals, []string{p.Name, "no answer: " + p.Error})
			continue
		}
		k := &p.Is.Counters
		row := []string{p.Name, strconv.Itoa(len(p.Is.Pending) + p.Is.More), settings.Size(p.Is.Bytes).String()}
		for _, n := range []uint64{k.Submitted, k.Transmitted, k.Resent, k.Stalls, k.Parked, k.Done, k.Failed, k.Expired, k.Late, uint64(p.Is.Hints)} {
			row = append(row, strconv.FormatUint(n, 10))
		}
		totals = append(totals, row)
		pending = append(pending, flows(p, names)...)
	}
	if err := a.table("PROCESS PENDING HELD SUBMITTED SENT RESENT STALLED PARKED DONE FAILED EXPIRED LATE HINTS", totals); err != nil || len(pending) == 0 {
		return err
	}
	if err := a.line(""); err != nil {
		return err
	}
	return a.table("PROCESS TO VIA CLASS TABLE STATE COUNT SIZE OLDEST ATTEMPTS TRACE", pending)
}

// flow is what pending transactions are counted by.
type flow struct {
	to, via foci.NodeID
	class   foci.Class
	table   foci.Table
	state   string
}

// flows sums a process's pending transactions up, the oldest first.
func flows(p *client.ProcessStatus[client.TxnStatus], names map[foci.NodeID]string) [][]string {
	type sum struct {
		flow
		count, attempts int
		size            int64
		oldest          time.Duration
		trace           foci.TraceID // of the oldest
	}
	sums := map[flow]*sum{}
	for i := range p.Is.Pending {
		t := &p.Is.Pending[i]
		f := flow{t.Peer, t.Via, t.Class, t.Table, t.State}
		s := sums[f]
		if s == nil {
			s = &sum{flow: f}
			sums[f] = s
		}
		s.count++
		s.size += t.Size
		if s.attempts = max(s.attempts, t.Attempts); t.Age >= s.oldest {
			s.oldest, s.trace = t.Age, t.Trace
		}
	}
	list := make([]*sum, 0, len(sums))
	for _, s := range sums {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *sum) int { return cmp.Compare(b.oldest, a.oldest) })
	var rows [][]string
	for _, s := range list {
		rows = append(rows, []string{
			p.Name, nameOf(names, s.to), nameOf(names, s.via), s.class.String(), fmt.Sprint(s.table), s.state,
			strconv.Itoa(s.count), settings.Size(s.size).String(), formatAge(s.oldest), strconv.Itoa(s.attempts), s.trace.String(),
		})
	}
	if p.Is.More > 0 {
		rows = append(rows, []string{p.Name, fmt.Sprintf("and %d more", p.Is.More)})
	}
	return rows
}

func traceCommand(a *app) *cobra.Command {
	var r remoteFlags
	c := &cobra.Command{
		Use:   "trace ID",
		Short: "Show the steps of an operation, as far as nodes remember them",
		Long: `Show what all nodes have noted of the operation with the trace ID: one line for each step, with its
time, the process that noted it, and the step. Operations begun with --trace have every step noted,
others those that were slow or were sent again, with the ID that foci txns shows. Each
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
		err = foci.Errorf(foci.NotFound, "no process remembers a step of trace %v", id)
	}
	return err
}

// stepLine is a step for people, with the time since the first one.
func stepLine(s *client.TraceStep, first time.Time) string {
	return fmt.Sprintf("%s %10v  %-8s %s", s.At.Format("15:04:05.000"), s.At.Sub(first).Round(10*time.Microsecond), s.Name, s.What)
}

// traceWait bounds the collection of the steps of an operation that has ended: an
// unreachable node must not delay the command.
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
