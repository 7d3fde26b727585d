package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/cmd/foci/internal/settings"
	"github.com/foci-store/foci/internal/bench"
)

// benchFlags are the flags of bench.
type benchFlags struct {
	remote      remoteFlags
	size        settings.Size
	count       int64
	concurrency int
	dir         string
}

func benchCommand(a *app) *cobra.Command {
	b := benchFlags{size: 1 << 10, remote: remoteFlags{each: true}}
	c := &cobra.Command{
		Use:   "bench put|get|mixed|append",
		Short: "Measure the cluster, and the machine's own limits beside it",
		Long: `Measure operations on the cluster: how many a second, and how long each took. In the same run
it measures what the machine can do at best with the same bytes: appending them to a bare file in
--dir with fsync, and echoing them over one bare TCP connection; and prints the ratios. The objects
stay in bucket foci-bench.

  foci bench put --size 1KiB --count 20000 --concurrency 64
  foci bench mixed --size 4MiB --count 500 --concurrency 8 --json`,
		Args:      usageArgs(cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)),
		ValidArgs: bench.Modes,
		RunE: func(c *cobra.Command, args []string) error {
			if err := validLoad(b.size, b.count, b.concurrency); err != nil {
				return err
			}
			return b.remote.session(c.Context(), a, func(s *client.Session) error { return a.bench(c.Context(), s, &b, args[0]) })
		},
	}
	f := c.Flags()
	f.Var(&b.size, "size", "bytes of each object, or of each append")
	f.Int64Var(&b.count, "count", 10000, "how many operations")
	f.IntVar(&b.concurrency, "concurrency", 64, "how many at a time")
	f.StringVar(&b.dir, "dir", ".", "directory on the disk whose limit is measured; best the cluster's")
	b.remote.add(a, c)
	b.remote.addLevels(c, true)
	c.AddCommand(benchMeshCommand(a))
	return c
}

// validLoad rejects invalid flags of bench.
func validLoad(size settings.Size, count int64, concurrency int) error {
	const mostSize, mostConcurrency = 1 << 30, 1 << 14
	switch {
	case size < 0 || size > mostSize:
		return usagef("--size %v: want 0B to %v", size, settings.Size(mostSize))
	case count < 1:
		return usagef("--count %d: want at least 1", count)
	case concurrency < 1 || concurrency > mostConcurrency:
		return usagef("--concurrency %d: want 1 to %d", concurrency, mostConcurrency)
	case int64(size)*int64(concurrency) > 4<<30:
		return usagef("--size %v with --concurrency %d holds over 4GiB in memory; lower one of them", size, concurrency)
	}
	return nil
}

func (a *app) bench(ctx context.Context, s *client.Session, b *benchFlags, mode string) error {
	r, err := bench.Objects(ctx, s, bench.Options{Mode: mode, Size: int64(b.size), Count: b.count, Concurrency: b.concurrency, Dir: b.dir})
	if err != nil {
		return err
	}
	r.Ack = b.remote.ack.String()
	if err := a.print(r, func() error { return a.printBench(r) }); err != nil {
		return err
	}
	if n := r.Failed(); n > 0 {
		return foci.Errorf(foci.Internal, "%d operations failed", n)
	}
	return nil
}

func (a *app) printBench(r *bench.Report) error {
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }
	row := func(name string, perSecond, bytes float64, rest ...string) []string {
		return append([]string{name, number(perSecond), fmt.Sprintf("%.1f", bytes/1e6)}, rest...)
	}
	var rows [][]string
	for _, o := range r.Results {
		rows = append(rows, row(o.Op, o.PerSecond, o.Bytes, number(o.P50), number(o.P99), number(o.P999), number(o.Max),
			strconv.FormatInt(o.Errors, 10), fmt.Sprintf("%.3f", o.OfDisk), fmt.Sprintf("%.3f", o.OfNet)))
		if o.FirstErr != "" {
			a.message("first error of %s: %s", o.Op, o.FirstErr)
		}
	}
	rows = append(rows, row("limit:disk", r.Disk.PerSecond, r.Disk.Bytes), row("limit:net", r.Net.PerSecond, r.Net.Bytes))
	return a.table("OP OPS/S MB/S P50µs P99µs P99.9µs MAXµs ERRORS OF-DISK OF-NET", rows)
}

func benchMeshCommand(a *app) *cobra.Command {
	var each time.Duration
	c := &cobra.Command{
		Use:   "mesh",
		Short: "Measure the mesh itself, on this machine alone",
		Long: `Measure links between two ends in this process, over TCP sockets on loopback: small requests, long
bodies, pings beside long bodies, and the loss of a connection under load. What the machine can do
without the mesh is measured in the same run and printed as the limit. No cluster is needed.

  foci bench mesh --time 5s --json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if each < 100*time.Millisecond || each > time.Minute {
				return usagef("--time %v: want 100ms to 1m", each)
			}
			rows, err := bench.Mesh(c.Context(), each)
			if err != nil {
				return err
			}
			return a.print(rows, func() error { return a.printMeshBench(rows) })
		},
	}
	c.Flags().DurationVar(&each, "time", 2*time.Second, "how long each row is measured")
	return c
}

func (a *app) printMeshBench(rows []bench.Row) error {
	var lines [][]string
	for _, r := range rows {
		lines = append(lines, []string{
			r.What, fmt.Sprintf("%.4g", r.Value), r.Unit, fmt.Sprintf("%.4g", r.Limit), r.Of, r.Wanted, map[bool]string{true: "yes", false: "no"}[r.Reached],
		})
	}
	return a.table("WHAT VALUE UNIT LIMIT OF WANTED REACHED", lines)
}
